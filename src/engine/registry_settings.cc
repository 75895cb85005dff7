#include "engine/registry_settings.h"

namespace strata::engine {

registry::Settings registry_settings(const Settings& settings) {
  registry::Settings result = settings.registry;
  const std::size_t slash = settings.config_file.rfind('/');
  const std::string directory = slash == std::string::npos ? "." : settings.config_file.substr(0, slash);
  result.certificate_directories = {directory + "/certs.d", "/etc/docker/certs.d"};
  if (result.docker_config.empty()) result.docker_config = registry::default_docker_config();
  result.fetch_program = settings.program_directory + "/strata-fetch";
  return result;
}

}  // namespace strata::engine
