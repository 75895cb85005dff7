#include "cli/options.h"
#include "cli/registry_name.h"
#include "cli/verbs.h"
#include "engine/registry_settings.h"
#include "registry/credentials.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_logout(Context& context, const Verb& verb, Arguments arguments) {
  std::vector<std::string> servers;
  Options options(verb);
  options.arguments(servers, 0, 1);
  if (!TRY(options.parse(arguments))) return 0;
  const std::string domain = TRY(registry_domain(servers.empty() ? "" : servers[0]));
  registry::CredentialFile file(engine::registry_settings(context.settings()).docker_config);
  const std::string key = registry::credentials_key(domain);
  if (TRY(file.erase(domain)))
    fmt::print("Removing login credentials for {}\n", key);
  else
    fmt::print("Not logged in to {}\n", key);
  return 0;
}

}  // namespace strata::cli
