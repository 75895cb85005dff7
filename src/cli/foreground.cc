#include "cli/foreground.h"

#include <sys/socket.h>

#include "containers/client_streams.h"

namespace strata::cli {

Result<int> start_in_foreground(containers::Containers& containers, const containers::Container& container,
                                const containers::AttachOptions& options) {
  sys::SocketPair pair = TRY(sys::make_socket_pair(SOCK_STREAM));
  containers::StartOptions start;
  start.client = std::move(pair.second);
  start.client_tears_down = true;
  if (const auto size = containers::ClientTerminal::size(); size && options.terminal) {
    start.terminal_rows = size->rows;
    start.terminal_columns = size->columns;
  }
  containers::MonitorClient client =
      TRY(containers::MonitorClient::open(std::move(pair.first), true, options.hello_flags()));
  TRY(containers.start(container, std::move(start)));
  const containers::AttachOutcome outcome = TRY(containers::attach(client, options));
  return finish_session(containers, container, client, outcome);
}

Result<int> finish_session(containers::Containers& containers, const containers::Container& container,
                           containers::MonitorClient& client, const containers::AttachOutcome& outcome) {
  if (outcome.interrupted_by != 0) return 128 + outcome.interrupted_by;
  if (outcome.detached) return 0;
  // The monitor was killed: whoever looks after the container now knows how it ends.
  if (!outcome.exit) return containers.wait(container);
  if (outcome.exit->tear_down != 0) {
    TRY(containers.teardown(container.id));
    (void)!client.torn_down();
  } else {
    TRY(client.wait_closed());
  }
  return outcome.exit->known != 0 ? outcome.exit->shell_code() : containers::kUnknownExitCode;
}

}  // namespace strata::cli
