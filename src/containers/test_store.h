// For tests that run real containers: a store of its own with an image made of the host's static busybox.
// Needs root, busybox, and strata-monitor and strata-layer beside the test program.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "containers/containers.h"
#include "images/images.h"
#include "layers/layers.h"
#include "network/networks.h"
#include "store/store.h"
#include "sys/temp_dir.h"

namespace strata::containers {

class TestStore {
 public:
  // Why containers cannot be run here; "" = they can.
  static std::string reason_to_skip();
  TestStore();
  ~TestStore();

  const images::Image& image() const { return *image_; }
  store::Store& store() { return *store_; }
  const store::Paths& paths() const { return store_->paths(); }
  Containers& containers() { return *containers_; }
  // Another command: a service of its own on the same store.
  std::unique_ptr<Containers> another();
  const Parts& parts() const { return containers_->parts(); }

  // Created and started, network none unless the config says otherwise.
  Container run(std::vector<std::string> command, Config config = {});

  // What no container should leave: cgroups, run directories, processes of the ids given.
  std::vector<std::string> leftovers(const std::vector<std::string>& ids) const;

 private:
  void make_image();

  sys::TempDir directory_;
  std::unique_ptr<store::Store> store_;
  std::unique_ptr<layers::Layers> layers_;
  std::unique_ptr<images::Images> images_;
  std::unique_ptr<network::Networks> networks_;
  std::unique_ptr<Containers> containers_;
  std::unique_ptr<images::Image> image_;
};

}  // namespace strata::containers
