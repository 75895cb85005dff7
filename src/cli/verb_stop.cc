// stop, and restart: a stop and a start.
#include <optional>

#include "cli/container_options.h"
#include "cli/each_container.h"
#include "cli/options.h"
#include "cli/verbs.h"

namespace strata::cli {
namespace {

Result<int> stop_each(Context& context, const Verb& verb, Arguments arguments, bool start_again) {
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
  return each_container(context, names, true,
                        [&](containers::Containers& all, const containers::Container& one) -> Result<> {
                          if (start_again) TRY(restore_image_of(context, one));
                          TRY(all.stop(one, timeout, signal));
                          if (start_again) TRY(all.start(one, {}));
                          return {};
                        });
}

}  // namespace

Result<int> run_stop(Context& context, const Verb& verb, Arguments arguments) {
  return stop_each(context, verb, arguments, false);
}

Result<int> run_restart(Context& context, const Verb& verb, Arguments arguments) {
  return stop_each(context, verb, arguments, true);
}

}  // namespace strata::cli
