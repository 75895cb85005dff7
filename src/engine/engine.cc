#include "engine/engine.h"

#include <array>

#include "build/cache.h"
#include "containers/containers.h"
#include "engine/registry_settings.h"
#include "images/images.h"
#include "layers/layers.h"
#include "network/networks.h"
#include "registry/client.h"
#include "store/lease.h"
#include "store/store.h"

namespace strata::engine {
namespace {

const std::array<store::Schema, 5>& schemas() {
  static const std::array<store::Schema, 5> all = {layers::schema(), images::Images::schema(),
                                                   network::Networks::schema(), containers::Containers::schema(),
                                                   build::schema()};
  return all;
}

}  // namespace

Engine::Engine(const Settings& settings) : settings_(settings) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::open(const Settings& settings) {
  std::unique_ptr<Engine> engine(new Engine(settings));
  const std::string& programs = settings.program_directory;
  engine->store_ = TRY(store::Store::open(settings.paths, schemas()));
  engine->layers_ = std::make_unique<layers::Layers>(
      *engine->store_, layers::Options{.force_directory_form = settings.force_directory_form,
                                       .worker_program = programs + "/strata-layer"});
  engine->images_ = std::make_unique<images::Images>(*engine->store_, *engine->layers_);
  engine->networks_ = std::make_unique<network::Networks>(*engine->store_);
  engine->containers_ = std::make_unique<containers::Containers>(
      containers::Parts{*engine->store_,
                        *engine->layers_,
                        *engine->images_,
                        *engine->networks_,
                        programs + "/strata-monitor",
                        {programs + "/strata", "--root", settings.paths.root, "--run-root", settings.paths.run_root,
                         "internal-teardown"}});
  if (TRY(store::sweep_dead_leases(*engine->store_))) TRY(engine->layers_->sweep());
  TRY(engine->containers_->sweep());
  return engine;
}

Result<registry::Client*> Engine::registry() {
  if (!registry_) registry_ = TRY(registry::Client::open(registry_settings(settings_)));
  return registry_.get();
}

}  // namespace strata::engine
