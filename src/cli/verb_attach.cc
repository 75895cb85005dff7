#include "cli/foreground.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/client_streams.h"

namespace strata::cli {

Result<int> run_attach(Context& context, const Verb& verb, Arguments arguments) {
  bool no_stdin = false;
  bool signal_proxy = true;
  std::string detach_keys = containers::AttachOptions().detach_keys;
  std::vector<std::string> names;
  Options options(verb);
  options.value("--detach-keys", detach_keys, "Override the key sequence for detaching a container");
  options.flag("--no-stdin", no_stdin, "Do not attach STDIN");
  options.flag("--sig-proxy", signal_proxy, "Proxy all received signals to the process");
  options.arguments(names, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;
  containers::Containers& all = TRY(context.engine())->containers();
  const containers::Container container = TRY(all.find(names[0]));
  if (!TRY(all.state(container)).running())
    return error(ErrorKind::kConflict, "You cannot attach to a stopped container, start it first");
  const containers::AttachOptions attach{.terminal = container.config.tty,
                                         .want_stdin = !no_stdin && container.config.open_stdin,
                                         .signal_proxy = signal_proxy,
                                         .redraw = true,
                                         .detach_keys = detach_keys};
  TRY(containers::check_terminal_input(attach.terminal, attach.want_stdin));
  sys::UniqueFd socket = TRY(containers::connect_monitor(all.paths(container.id).run_directory));
  containers::MonitorClient client =
      TRY(containers::MonitorClient::open(std::move(socket), false, attach.hello_flags()));
  const containers::AttachOutcome outcome = TRY(containers::attach(client, attach));
  return finish_session(all, container, client, outcome);
}

}  // namespace strata::cli
