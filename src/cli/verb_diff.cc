#include "base/strings.h"
#include "cli/each_container.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_diff(Context& context, const Verb& verb, Arguments arguments) {
  std::vector<std::string> names;
  Options options(verb);
  options.arguments(names, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;
  return each_container(context, names, false,
                        [](containers::Containers& all, const containers::Container& one) -> Result<> {
                          for (const containers::Change& change : TRY(all.diff(one)))
                            fmt::print("{} {}\n", change.kind, printable(change.path));
                          return {};
                        });
}

}  // namespace strata::cli
