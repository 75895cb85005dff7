#include "cli/container_options.h"
#include "cli/each_container.h"
#include "cli/foreground.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/client_streams.h"

namespace strata::cli {
Result<int> run_start(Context& context, const Verb& verb, Arguments arguments) {
  bool attach = false, interactive = false, signal_proxy = true;
  std::string detach_keys = containers::AttachOptions().detach_keys;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("-a,--attach", attach, "Attach STDOUT/STDERR and forward signals");
  options.value("--detach-keys", detach_keys, "Override the key sequence for detaching a container");
  options.flag("-i,--interactive", interactive, "Attach container's STDIN");
  options.flag("--sig-proxy", signal_proxy, "Proxy received signals to the process");
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;
  if (!attach && !interactive)
    return each_container(context, names, true,
                          [&](containers::Containers& all, const containers::Container& one) -> Result<> {
                            TRY(restore_image_of(context, one));
                            return all.start(one, {});
                          });
  if (names.size() > 1)
    return error(ErrorKind::kInvalidArgument, "you cannot start and attach multiple containers at once");
  containers::Containers& all = TRY(context.engine())->containers();
  const containers::Container one = TRY(all.find(names[0]));
  TRY(restore_image_of(context, one));
  const containers::AttachOptions attached{.terminal = one.config.tty,
                                           .want_stdin = interactive && one.config.open_stdin,
                                           .signal_proxy = signal_proxy,
                                           .detach_keys = detach_keys};
  TRY(containers::check_terminal_input(attached.terminal, attached.want_stdin));
  return start_in_foreground(all, one, attached);
}

}  // namespace strata::cli
