// P: the process between `strata` and the monitor.
//
// `strata` prepares everything that needs the database or the store, then forks P, which makes the
// container (so that P is init's parent), writes status.json and becomes the monitor (or, for a transient
// container, waits for init itself). The two talk over a socket pair:
//
//   P → strata   "network" + netns         give this namespace an interface
//   strata → P   "ok" | error              done
//   P → strata   "started" + identities    init runs, status.json is there
//   P → strata   error                     nothing is left but what release() gives back
//   P → strata   "ended" + exit            (transient only)
//   end of file                            P is the monitor now, or died
//   strata → P   "kill" (or its end)       end init (transient only)
//
// If `strata` dies first, P goes on when it no longer needs it; if P dies before "started", init dies with it.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "containers/monitor_start.h"
#include "containers/run_files.h"
#include "oci/runtime_spec.h"
#include "runtime/create.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace strata::containers {

struct LaunchOptions {
  const oci::RuntimeSpec& spec;
  int rootfs_mount = -1;
  bool configure_network = false;
  runtime::SeccompSource seccomp = runtime::SeccompSource::kDefault;
  std::uint16_t terminal_rows = 0, terminal_columns = 0;
  std::string status_path;

  // Of a container with a monitor.
  MonitorSetup* monitor = nullptr;
  sys::UniqueFd client;
  bool client_owns = false;
  std::vector<sys::UniqueFd> held_ports;

  // Of a transient one: descriptors of its standard output and error; it ends when the other side of the
  // channel is closed.
  int output = -1;
  int lock = -1;  // that P shall hold too
};

class Launched {
 public:
  struct Started {
    ProcessIdentity init;
    ProcessIdentity monitor;
    Timestamp started;
  };
  // Forks P. The descriptors in `options` are P's afterwards; ours are closed.
  static Result<Launched> launch(LaunchOptions options);

  // Serves P until init runs and, with a monitor, P has become it. `attach` gives the namespace what it
  // shall have. On error P has ended and was waited for.
  Result<Started> wait_started(const std::function<Result<>(int netns)>& attach);

  // Transient: readable when P has ended.
  int channel() const { return channel_.get(); }
  // Transient: how init ended. Also after kill().
  Result<sys::ExitStatus> wait_ended();
  // Transient: ends init.
  void kill();

 private:
  Launched(sys::Child child, sys::UniqueFd channel, bool transient)
      : child_(std::move(child)), channel_(std::move(channel)), transient_(transient) {}
  sys::Child child_;
  sys::UniqueFd channel_;
  bool transient_;
};

}  // namespace strata::containers
