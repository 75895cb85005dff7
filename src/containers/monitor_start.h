// Starting a container's monitor.
//
//   in `strata`:        MonitorSetup setup = TRY(MonitorSetup::prepare(config));
//                       fork P; keep the client's end of a socket pair, if somebody attaches
//   in P:               runtime::create(… setup.take_container_stdio() …), runtime::start, status.json
//                       setup.become_monitor(…)        // does not return
//
// The socket exists once prepare() has returned, so that a client never finds nothing to connect to: it
// waits in the socket's queue until the monitor runs.
//
// Standard output and error of a container without a terminal are FIFOs in the run directory. The
// container's ends are open for reading too: they keep the FIFO alive when the monitor is killed, so that
// the container meets neither SIGPIPE nor end of file, only a full pipe, until a new monitor comes.
// Standard input (with -i; else /dev/null) must be able to end, so there a killed monitor means the end
// of input. A pty's master cannot be had again: a container with a terminal gets SIGHUP with its monitor.
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/result.h"
#include "containers/monitor_config.h"
#include "sys/unique_fd.h"

namespace strata::containers {

// The container's ends of its standard streams, for runtime::Stdio. All empty with a terminal.
struct ContainerStdio {
  sys::UniqueFd in, out, err;
};

// The container's init, as P knows it.
struct MonitoredInit {
  pid_t pid = 0;
  sys::UniqueFd pidfd;
  sys::UniqueFd terminal_master;  // with config.terminal
};

class MonitorSetup {
 public:
  // Makes (replacing what an earlier run left) the socket and the FIFOs in the run directory, which becomes
  // its owner's alone (0700).
  static Result<MonitorSetup> prepare(MonitorConfig config);

  // For a container whose monitor was killed: its FIFOs are opened again, the socket is made anew. The caller
  // holds the container's lock. One with a terminal has no output any more (see above), but still an end.
  static Result<MonitorSetup> adopt(MonitorConfig config);

  // Once; P must not keep them after runtime::create.
  ContainerStdio take_container_stdio() { return std::move(container_); }

  // Turns this process, the parent of init, into the monitor: a session of its own, / as directory,
  // /dev/null as standard streams, no descriptor but the monitor's, no environment but STRATA_*.
  // `client` may be empty; `client_owns`: it will send kTornDown. Returns only when that failed: init is then the
  // caller's to kill.
  Error become_monitor(MonitoredInit init, sys::UniqueFd client, bool client_owns,
                       std::vector<sys::UniqueFd> held_ports);

  // After adopt(): starts a monitor of an init that is not its child, as a process that outlives this
  // one. Its exit code is learnt from /proc before it is reaped, or since Linux 6.15 after that.
  Result<pid_t> start_adopter(MonitoredInit init, std::vector<sys::UniqueFd> held_ports);

 private:
  explicit MonitorSetup(MonitorConfig config) : config_(std::move(config)) {}

  MonitorConfig config_;
  ContainerStdio container_;
  sys::UniqueFd run_directory_, listener_, in_, out_, err_;
};

}  // namespace strata::containers
