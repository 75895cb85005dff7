// The engine opens the parts below it and hands them to cli and api. A part opens at its first use.
// One per process; its parts are thread-safe as their headers say, the accessors themselves are not.
#pragma once

#include <memory>

#include "base/result.h"
#include "engine/settings.h"

namespace strata::store {
class Store;
}
namespace strata::layers {
class Layers;
}
namespace strata::registry {
class Client;
}
namespace strata::images {
class Images;
}
namespace strata::network {
class Networks;
}
namespace strata::containers {
class Containers;
}

namespace strata::engine {

class Engine {
 public:
  // Opens the store (and makes it when it is not there).
  static Result<std::unique_ptr<Engine>> open(const Settings& settings);
  ~Engine();

  const Settings& settings() const { return settings_; }
  store::Store& store() { return *store_; }
  layers::Layers& layers() { return *layers_; }
  images::Images& images() { return *images_; }
  network::Networks& networks() { return *networks_; }
  containers::Containers& containers() { return *containers_; }
  // Starts the fetch process at its first call.
  Result<registry::Client*> registry();

 private:
  explicit Engine(const Settings& settings);
  Settings settings_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<layers::Layers> layers_;
  std::unique_ptr<images::Images> images_;
  std::unique_ptr<network::Networks> networks_;
  std::unique_ptr<containers::Containers> containers_;
  std::unique_ptr<registry::Client> registry_;
};

}  // namespace strata::engine
