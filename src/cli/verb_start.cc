#include <sys/socket.h>

#include "cli/each_container.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "containers/attach.h"
#include "containers/client_streams.h"

namespace strata::cli {
namespace {

// `start -a`: joined from the first byte on; returns the container's exit code.
Result<int> start_attached(containers::Containers& all, const containers::Container& one, bool interactive,
                           const std::string& detach_keys) {
  containers::AttachOptions attach;
  attach.terminal = one.config.tty;
  attach.want_stdin = interactive && one.config.open_stdin;
  attach.detach_keys = detach_keys;
  TRY(containers::check_terminal_input(attach.terminal, attach.want_stdin));
  sys::SocketPair pair = TRY(sys::make_socket_pair(SOCK_STREAM));
  containers::StartOptions start;
  start.client = std::move(pair.second);
  start.client_tears_down = true;
  if (const auto size = containers::ClientTerminal::size(); size && attach.terminal) {
    start.terminal_rows = size->rows;
    start.terminal_columns = size->columns;
  }
  TRY(all.start(one, std::move(start)));
  containers::MonitorClient client =
      TRY(containers::MonitorClient::open(std::move(pair.first), true, attach.hello_flags()));
  const containers::AttachOutcome outcome = TRY(containers::attach(client, attach));
  if (outcome.interrupted_by != 0) return 128 + outcome.interrupted_by;
  if (!outcome.exit) return outcome.detached ? 0 : containers::kUnknownExitCode;
  if (outcome.exit->tear_down) {
    TRY(all.teardown(one.id));
    (void)!client.torn_down();
  } else {
    TRY(client.wait_closed());
  }
  return outcome.exit->known ? outcome.exit->shell_code() : containers::kUnknownExitCode;
}

}  // namespace

Result<int> run_start(Context& context, const Verb& verb, Arguments arguments) {
  bool attach = false, interactive = false;
  std::string detach_keys = containers::AttachOptions().detach_keys;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("-a,--attach", attach, "Attach STDOUT/STDERR and forward signals");
  options.value("--detach-keys", detach_keys, "Override the key sequence for detaching a container");
  options.flag("-i,--interactive", interactive, "Attach container's STDIN");
  options.arguments(names, 1);
  if (!TRY(options.parse(arguments))) return 0;
  if (!attach && !interactive)
    return each_container(context, names, true, [](containers::Containers& all, const containers::Container& one) {
      return all.start(one, {});
    });
  if (names.size() > 1)
    return error(ErrorKind::kInvalidArgument, "you cannot start and attach multiple containers at once");
  containers::Containers& all = TRY(context.engine())->containers();
  return start_attached(all, TRY(all.find(names[0])), interactive, detach_keys);
}

}  // namespace strata::cli
