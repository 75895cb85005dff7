// The table of verbs. A verb stands here once, with all its names.
#include "cli/verbs.h"

namespace strata::cli {

std::span<const Verb> verbs() {
  static const std::vector<Verb> table = {
      {{"version"}, "", "Show the Strata version information", run_version},
  };
  return table;
}

}  // namespace strata::cli
