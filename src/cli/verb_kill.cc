#include "cli/each_container.h"
#include "cli/options.h"
#include "cli/verbs.h"

namespace strata::cli {

Result<int> run_kill(Context& context, const Verb& verb, Arguments arguments) {
  std::string signal = "KILL";
  std::vector<std::string> names;
  Options options(verb);
  options.value("-s,--signal", signal, "Signal to send to the container");
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;
  TRY(containers::parse_signal(signal));
  return each_container(context, names, true, [&](containers::Containers& all, const containers::Container& one) {
    return all.kill(one, signal);
  });
}

}  // namespace strata::cli
