#include "base/strings.h"
#include "cli/options.h"
#include "cli/prune_filter.h"
#include "cli/verbs.h"
#include "engine/prune.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_system_prune(Context& context, const Verb& verb, Arguments arguments) {
  bool all = false, force = false;
  std::vector<std::string> filters, none;
  Options options(verb);
  options.flag("-a,--all", all, "Remove all unused images not just dangling ones");
  options.filters("--filter", filters, "Provide filter values (e.g. \"label=<key>=<value>\")");
  options.flag("-f,--force", force, "Do not prompt for confirmation");
  options.arguments(none, 0, 0);
  if (!TRY(options.parse(arguments))) return 0;
  const images::PruneFilter filter = TRY(parse_prune_filter(filters, now()));
  if (!force) {
    std::string filtered;
    for (const std::string& text : filters)
      filtered += (filtered.empty() ? "\n  Items to be pruned will be filtered with:\n  - " : "\n  - ") + text;
    const std::string question = fmt::format(
        "WARNING! This will remove:\n  - all stopped containers\n  - all networks not used by at least one container\n"
        "  - all {}\n{}{}\nAre you sure you want to continue? [y/N] ",
        all ? "images without at least one container associated to them" : "dangling images",
        !filters.empty() ? ""
        : all            ? "  - all build cache\n"
                         : "  - unused build cache\n",
        filtered.empty() ? "" : filtered + "\n");
    if (!confirm(question)) return 0;
  }
  const engine::PruneReport report = TRY(engine::prune(*TRY(context.engine()), all, filter));
  if (!report.containers.empty()) {
    fmt::print("Deleted Containers:\n{}\n\n", join(report.containers, "\n"));
  }
  if (!report.images.empty()) {
    fmt::print("Deleted Images:\n");
    for (const images::Removal& removal : report.images)
      fmt::print("{}: {}\n", removal.deleted ? "deleted" : "untagged", removal.name);
    fmt::print("\n");
  }
  fmt::print("Total reclaimed space: {}\n", human_size(report.reclaimed));
  return 0;
}

}  // namespace strata::cli
