// The client of a running monitor: attach, wait, signal.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "containers/monitor_protocol.h"
#include "sys/unique_fd.h"

namespace strata::containers {

// Connects to the monitor of the container with this run directory (any length of path).
// Errors: kNotFound or kUnavailable (ENOENT, ECONNREFUSED) when there is no monitor.
Result<sys::UniqueFd> connect_monitor(const std::string& run_directory);

// One conversation without streams. Blocking; not thread-safe.
class MonitorClient {
 public:
  // Says hello. `own`: this client will tear the container down when wait_exit() says so.
  static Result<MonitorClient> open(sys::UniqueFd socket, bool own = false);
  // The container's exit. nullopt when the monitor ended without telling: it was killed.
  Result<std::optional<Exit>> wait_exit();
  Result<> send_signal(int signal);
  // After the teardown that wait_exit()->tear_down asked for.
  Result<> torn_down();
  // Returns when the monitor has closed the connection: nothing of it will be done any more.
  Result<> wait_closed();
  int fd() const { return socket_.get(); }  // readable when there is news, for poll(2)

 private:
  explicit MonitorClient(sys::UniqueFd socket);
  sys::UniqueFd socket_;
  std::vector<std::byte> buffer_;
  FrameDecoder decoder_;
};

struct AttachOptions {
  bool terminal = false;   // the container has one: raw mode, resize, detach keys
  bool want_stdin = false;
  bool want_stdout = true;
  bool want_stderr = true;
  bool signal_proxy = true;  // without a terminal: pass the signals we get on to the container's init
  std::string detach_keys = "ctrl-p,ctrl-q";  // Docker's syntax; "" = none
};

struct AttachOutcome {
  bool detached = false;      // by the keys; the container goes on
  std::optional<Exit> exit;   // absent when detached or when the monitor was killed
  int interrupted_by = 0;     // a signal to us that ended a terminal session; the container goes on
};

// Joins the standard streams of this process to the container's until it exits or the user detaches.
//
// - The terminal is put into raw mode when standard input is one and `terminal` is set, and restored on
//   every way out, signals and crashes included.
// - Nothing of the output is lost: the monitor waits for us. When nobody reads our standard output any
//   more, the rest is dropped and the container goes on.
// - Returns as soon as kExit has come, after all output was written.
//
// Errors: kInvalidArgument "the input device is not a TTY" (terminal and stdin wanted, but standard input
// is none); what the connection gives.
Result<AttachOutcome> attach(MonitorClient& client, const AttachOptions& options);

// "ctrl-p,ctrl-q" → {16, 17}; single characters, and ctrl- with a to z, @, [, \, ], ^, _.
// Errors: kInvalidArgument.
Result<std::string> parse_detach_keys(std::string_view text);

// Errors: kInvalidArgument, in docker's words, when -i and -t are asked for and standard input is no terminal.
Result<> check_terminal_input(bool terminal, bool want_stdin);

}  // namespace strata::containers
