// Signals, and waiting for the end.
#include <algorithm>
#include <chrono>
#include <csignal>

#include "containers/attach.h"
#include "containers/containers.h"
#include "containers/records.h"
#include "containers/run_files.h"
#include "sys/event_loop.h"
#include "sys/process.h"

namespace strata::containers {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int kDefaultStopTimeout = 10;      // seconds, docker's
constexpr seconds kAfterKill = seconds(30);  // a process in uninterruptible sleep does not die sooner
constexpr milliseconds kMonitorPatience = milliseconds(10'000);

// True when the process behind the pidfd ended within the time.
Result<bool> wait_gone(int pidfd, std::optional<milliseconds> timeout) {
  pollfd entry = {.fd = pidfd, .events = POLLIN};
  return sys::wait_ready(std::span(&entry, 1), timeout);
}

// False when the monitor has not told of the exit within the time. When another client is to tear down, that
// too is waited for, as long as the time lasts: our own teardown then finds what is left.
Result<bool> wait_told(MonitorClient& client, milliseconds timeout) {
  const auto deadline = sys::monotonic_now() + timeout;
  bool told = false;
  for (;;) {
    while (const std::optional<Frame> frame = TRY(client.next())) {
      if (frame->type != FrameType::kExit) continue;
      told = true;
      const std::optional<Exit> exit = payload_as<Exit>(frame->payload);
      if (!exit || exit->tear_down != 0) return true;
    }
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - sys::monotonic_now());
    pollfd entry = {.fd = client.fd(), .events = POLLIN};
    if (left <= milliseconds(0) || !TRY(sys::wait_ready(std::span(&entry, 1), left))) return told;
    if (!TRY(client.receive())) return true;  // all is torn down, or the monitor was killed
  }
}

}  // namespace

Result<> Containers::kill_monitor(std::string_view id) {
  const std::optional<Row> row = TRY(Records(parts_.store.db()).get(id));
  if (!row) return {};
  const std::optional<sys::UniqueFd> monitor = TRY(open_process(row->monitor));
  if (!monitor) return {};
  TRY(sys::send_signal(monitor->get(), SIGKILL));
  TRY(wait_gone(monitor->get(), kAfterKill));
  return {};
}

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
  const auto limit = patience < 0 ? std::nullopt : std::optional<milliseconds>(seconds(patience));
  const bool gone = TRY(wait_gone(init->get(), limit));
  if (!gone) {
    TRY(send(SIGKILL));
    if (!TRY(wait_gone(init->get(), kAfterKill)))
      return error(ErrorKind::kTimeout, "container {} does not end: it is still there {} seconds after SIGKILL",
                   container.name, kAfterKill.count());
  }
  if (client && !TRY(wait_told(*client, kMonitorPatience))) {
    // It holds back the end for a client that does not read the rest of the output.
    TRY(kill_monitor(container.id));
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
    if (!state.running()) {
      TRY(teardown(container.id));
      return state.exit_code;
    }
    Result<sys::UniqueFd> init = open_init(container);
    if (init) TRY(wait_gone(init->get(), std::nullopt));
    TRY(teardown(container.id));
  }
}

}  // namespace strata::containers
