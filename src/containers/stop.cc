// Signals, and waiting for the end.
#include <algorithm>
#include <chrono>
#include <csignal>

#include "containers/attach.h"
#include "containers/containers.h"
#include "containers/records.h"
#include "sys/event_loop.h"
#include "sys/process.h"

namespace strata::containers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kDefaultStopTimeout = 10;       // seconds, docker's
constexpr seconds kAfterKill = seconds(30);   // a process in uninterruptible sleep does not die sooner
constexpr milliseconds kMonitorPatience = milliseconds(10'000);

// True when the process behind the pidfd ended within the time.
Result<bool> wait_gone(int pidfd, std::optional<milliseconds> timeout) {
  pollfd entry = {.fd = pidfd, .events = POLLIN};
  return sys::wait_ready(std::span(&entry, 1), timeout);
}

}  // namespace

Result<> Containers::stop(const Container& container, std::optional<int> timeout, std::string_view signal) {
  const std::string& configured = container.config.stop_signal;
  const int number = TRY(parse_signal(!signal.empty() ? signal : !configured.empty() ? configured : "TERM"));
  Result<sys::UniqueFd> init = open_init(container);
  if (!init) {
    if (init.error().kind() != ErrorKind::kConflict) return std::move(init).take_error();
    return teardown(container.id);
  }
  // Connected before the end, so that the monitor leaves the teardown to us and tells us when all output
  // has been logged. Without a monitor (it was killed) the pidfd alone must do.
  std::optional<MonitorClient> client;
  if (Result<sys::UniqueFd> socket = connect_monitor(paths(container.id).run_directory)) {
    Result<MonitorClient> opened = MonitorClient::open(std::move(*socket), true);
    if (opened) client.emplace(std::move(*opened));
  }
  const int patience = timeout.value_or(container.config.stop_timeout.value_or(kDefaultStopTimeout));
  // ESRCH: it ended meanwhile.
  const auto send = [&](int which) -> Result<> {
    Result<> sent = sys::send_signal(init->get(), which);
    if (!sent && sent.error().error_number() == ESRCH) return {};
    return sent;
  };
  TRY(send(number));
  const bool gone = TRY(wait_gone(init->get(), patience < 0 ? std::nullopt : std::optional<milliseconds>(seconds(patience))));
  if (!gone) {
    TRY(send(SIGKILL));
    if (!TRY(wait_gone(init->get(), kAfterKill)))
      return error(ErrorKind::kTimeout, "container {} does not end: it is still there {} seconds after SIGKILL",
                   container.name, kAfterKill.count());
  }
  if (client) {
    // Bounded: the rest of the output may wait for a client that does not read.
    pollfd entry = {.fd = client->fd(), .events = POLLIN};
    if (TRY(sys::wait_ready(std::span(&entry, 1), kMonitorPatience))) {
      const std::optional<Exit> exit = TRY(client->wait_exit());
      if (exit && !exit->tear_down) TRY(client->wait_closed());
    }
  }
  TRY(teardown(container.id));
  if (client) (void)!client->torn_down();
  return {};
}

Result<> Containers::kill(const Container& container, std::string_view signal) {
  const int number = TRY(parse_signal(signal));
  const sys::UniqueFd init = TRY(open_init(container), "cannot kill container: {}", container.name);
  return sys::send_signal(init.get(), number);
}

Result<int> Containers::wait(const Container& container) {
  Records records(parts_.store.db());
  for (;;) {
    Result<sys::UniqueFd> socket = connect_monitor(paths(container.id).run_directory);
    if (socket) {
      Result<MonitorClient> client = MonitorClient::open(std::move(*socket));
      if (client) {
        const std::optional<Exit> exit = TRY(client->wait_exit());
        if (exit) {
          TRY(client->wait_closed());
          TRY(teardown(container.id));
          return exit->known ? exit->shell_code() : kUnknownExitCode;
        }
      }
    }
    // No monitor: it has not started, was torn down, or lost its monitor.
    const std::optional<Row> row = TRY(records.get(container.id));
    if (!row) return error(ErrorKind::kNotFound, "No such container: {}", container.id);
    const State state = TRY(derive(*row));
    if (!state.running()) return state.exit_code;
    Result<sys::UniqueFd> init = open_init(container);
    if (init) TRY(wait_gone(init->get(), std::nullopt));
    TRY(teardown(container.id));
  }
}

}  // namespace strata::containers
