#include <cstdio>

#include "cli/each_container.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_rm(Context& context, const Verb& verb, Arguments arguments) {
  containers::RemoveOptions remove;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("-f,--force", remove.force, "Force the removal of a running container (uses SIGKILL)");
  options.flag("-v,--volumes", remove.volumes, "Remove anonymous volumes associated with the container");
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;
  // With --force, one that is not there is said and is no failure.
  if (remove.force) {
    containers::Containers& containers = TRY(context.engine())->containers();
    std::erase_if(names, [&](const std::string& name) {
      const auto found = containers.find(name);
      if (found || found.error().kind() != ErrorKind::kNotFound) return false;
      fmt::print(stderr, "strata: {}\n", found.error().message());
      return true;
    });
  }
  return each_container(context, names, true, [&](containers::Containers& all, const containers::Container& one) {
    return all.remove(one, remove);
  });
}

}  // namespace strata::cli
