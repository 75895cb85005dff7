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

// One connection to a monitor. Blocking; not thread-safe.
class MonitorClient {
 public:
  // Says hello. `wants`: HelloFlags. `own`: this client will tear the container down when wait_exit() or
  // attach() gives an Exit with tear_down.
  static Result<MonitorClient> open(sys::UniqueFd socket, bool own = false, std::uint32_t wants = 0);

  // The container's exit; output that comes before it is dropped. nullopt when the monitor ended without telling: it
  // was killed.
  Result<std::optional<Exit>> wait_exit();
  Result<> send(FrameType type, std::span<const std::byte> payload = {});
  Result<> send_signal(int signal);
  // After the teardown that Exit::tear_down asked for.
  Result<> torn_down();
  // Returns when the monitor has closed the connection: the container is torn down, by whomever.
  Result<> wait_closed();

  int fd() const { return socket_.get(); }  // readable when there is news, for poll(2)
  // One read(2); false at the end of the connection.
  Result<bool> receive();
  // The next frame of what was received, valid until receive().
  Result<std::optional<Frame>> next();

 private:
  explicit MonitorClient(sys::UniqueFd socket);
  sys::UniqueFd socket_;
  std::vector<std::byte> buffer_;
  FrameDecoder decoder_;
};

struct AttachOptions {
  bool terminal = false;  // the container has one: raw mode, resize, detach keys
  bool want_stdin = false;
  bool want_stdout = true;
  bool want_stderr = true;
  bool signal_proxy = true;                   // without a terminal: pass the signals we get on to the container's init
  bool redraw = false;                        // make the program in the terminal draw itself anew: we join it late
  std::string detach_keys = "ctrl-p,ctrl-q";  // Docker's syntax; "" = none

  std::uint32_t hello_flags() const;  // for MonitorClient::open
};

struct AttachOutcome {
  bool detached = false;     // by the keys; the container goes on
  std::optional<Exit> exit;  // absent when detached, interrupted, or when the monitor was killed
  // A signal that ended our session but not the container: one to us in a terminal session, or SIGPIPE
  // when nobody reads our standard output any more.
  int interrupted_by = 0;
};

// Joins the standard streams of this process to the container's until it exits or the user detaches.
//
// - The terminal is put into raw mode when standard input is one and `terminal` is set, and restored on
//   every way out, signals and crashes included.
// - Nothing of the output is lost: the monitor waits for us.
// - Returns as soon as kExit has come, after all output was written.
//
// Errors: kInvalidArgument for bad detach keys; what writing our output gives (ENOSPC).
Result<AttachOutcome> attach(MonitorClient& client, const AttachOptions& options);

}  // namespace strata::containers
