// Everything that decides where Strata keeps things and how it behaves: one value, made in apps/ from
// the global options, the environment and config.toml, and handed down.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "registry/settings.h"
#include "store/store.h"

namespace strata::engine {

struct Settings {
  store::Paths paths;
  std::string config_file = "/etc/strata/config.toml";
  bool config_file_required = false;  // it was named by --config or STRATA_CONFIG
  // Where strata-monitor, strata-fetch and strata-layer lie: beside strata.
  std::string program_directory;

  // [limits]
  std::uint64_t max_layer_size = std::uint64_t{64} << 30;  // bytes of one uncompressed layer
  // [storage]
  bool force_directory_form = false;
  // [registry.*]
  registry::Settings registry;
};

// Reads settings.config_file into `settings`; a missing file is an error only when it is required.
// Errors name the file, the line and the key; unknown keys are errors too, so that a typo is noticed.
Result<> read_config_file(Settings& settings);

}  // namespace strata::engine
