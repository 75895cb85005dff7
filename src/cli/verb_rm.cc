#include "cli/each_container.h"
#include "cli/options.h"
#include "cli/verbs.h"

namespace strata::cli {

Result<int> run_rm(Context& context, const Verb& verb, Arguments arguments) {
  containers::RemoveOptions remove;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("-f,--force", remove.force, "Force the removal of a running container (uses SIGKILL)");
  options.flag("-v,--volumes", remove.volumes, "Remove anonymous volumes associated with the container");
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;
  return each_container(context, names, true, [&](containers::Containers& all, const containers::Container& one) {
    return all.remove(one, remove);
  });
}

}  // namespace strata::cli
