#include "base/strings.h"
#include "cli/options.h"
#include "cli/prune_filter.h"
#include "cli/verbs.h"
#include "engine/image_uses.h"
#include "images/images.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_image_prune(Context& context, const Verb& verb, Arguments arguments) {
  bool all = false, force = false;
  std::vector<std::string> filters, none;
  Options options(verb);
  options.flag("-a,--all", all, "Remove all unused images, not just dangling ones");
  options.filters("--filter", filters, "Provide filter values (e.g. \"until=<timestamp>\")");
  options.flag("-f,--force", force, "Do not prompt for confirmation");
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;
  const images::PruneFilter filter = TRY(parse_prune_filter(filters, now()));
  if (!force &&
      !confirm(fmt::format("WARNING! This will remove all {}.\nAre you sure you want to continue? [y/N] ",
                           all ? "images without at least one container associated to them" : "dangling images")))
    return 0;
  engine::Engine& engine = *TRY(context.engine());
  const images::Pruned pruned = TRY(engine.images().prune(all, engine::image_uses(engine), filter));
  if (!pruned.removals.empty()) {
    fmt::print("Deleted Images:\n");
    for (const images::Removal& removal : pruned.removals)
      fmt::print("{}: {}\n", removal.deleted ? "deleted" : "untagged", removal.name);
    fmt::print("\n");
  }
  fmt::print("Total reclaimed space: {}\n", human_size(pruned.reclaimed));
  return 0;
}

}  // namespace strata::cli
