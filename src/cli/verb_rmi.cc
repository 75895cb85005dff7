#include "cli/options.h"
#include "cli/verbs.h"
#include "engine/image_uses.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_rmi(Context& context, const Verb& verb, Arguments arguments) {
  bool force = false;
  bool no_prune = false;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("-f,--force", force, "Force removal of the image");
  options.flag("--no-prune", no_prune, "Do not delete untagged parents");
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;

  engine::Engine& engine = *TRY(context.engine());
  // Every name has its turn; the errors stand together at the end, as docker has it.
  bool failed = false;
  std::string errors;
  for (const std::string& name : names) {
    const auto removals = engine.images().remove(name, force, engine::image_uses(engine));
    if (!removals) {
      failed |= !(force && removals.error().kind() == ErrorKind::kNotFound);
      errors += (errors.empty() ? "" : "\n") + removals.error().message();
      continue;
    }
    for (const images::Removal& removal : *removals)
      fmt::print("{}: {}\n", removal.deleted ? "Deleted" : "Untagged", removal.name);
  }
  if (failed) return Error(ErrorKind::kConflict, errors);
  if (!errors.empty()) fmt::print(stderr, "strata: {}\n", errors);
  return 0;
}

}  // namespace strata::cli
