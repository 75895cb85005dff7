#include <optional>

#include "cli/each_container.h"
#include "cli/options.h"
#include "cli/verbs.h"

namespace strata::cli {

Result<int> run_stop(Context& context, const Verb& verb, Arguments arguments) {
  std::string signal;
  std::optional<std::int64_t> seconds;
  std::vector<std::string> names;
  Options options(verb);
  options.value("-s,--signal", signal, "Signal to send to the container");
  options.value("-t,--time,--timeout", seconds, "Seconds to wait before killing the container");
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;
  if (!signal.empty()) TRY(containers::parse_signal(signal));
  const auto timeout = seconds ? std::optional<int>(static_cast<int>(*seconds)) : std::nullopt;
  return each_container(context, names, true, [&](containers::Containers& all, const containers::Container& one) {
    return all.stop(one, timeout, signal);
  });
}

}  // namespace strata::cli
