#include <cstdio>

#include "cli/each_container.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include <fmt/core.h>

namespace strata::cli {

Result<int> run_wait(Context& context, const Verb& verb, Arguments arguments) {
  std::vector<std::string> names;
  Options options(verb);
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;
  return each_container(context, names, false,
                        [](containers::Containers& all, const containers::Container& one) -> Result<> {
                          fmt::print("{}\n", TRY(all.wait(one)));
                          std::fflush(stdout);
                          return {};
                        });
}

}  // namespace strata::cli
