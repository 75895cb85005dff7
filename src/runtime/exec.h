// A further process in a running container: `exec`.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "oci/runtime_spec.h"
#include "runtime/create.h"
#include "sys/process.h"
#include "sys/unique_fd.h"

namespace strata::runtime {

struct ExecOptions {
  int init_pidfd = -1;                // the container's init; the caller keeps it
  pid_t init_pid = -1;                // of the same process
  const oci::RuntimeSpec& container;  // for its namespaces, cgroups path and seccomp profile
  // What to run. Its capabilities, user, rlimits are used as they are: copy those of the
  // container's process for Docker's behaviour.
  const oci::Process& process;
  Stdio stdio;
  SeccompSource seccomp = SeccompSource::kSpec;
};

struct Process {
  sys::Child child;        // a child of the caller: wait() gives the exit code
  sys::UniqueFd terminal;  // the pty's master, when the process has a terminal
};

// Joins the namespaces and cgroups of the init and runs the process. Returns once the program runs;
// errors as start() has them, nothing is left then. kConflict when the container's init has ended.
// The calling process must have one thread.
Result<Process> exec(const ExecOptions& options);

}  // namespace strata::runtime
