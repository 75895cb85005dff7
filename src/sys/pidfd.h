// Signalling a process and learning how it ended, by its pidfd (more: process.h). No libfmt here: the
// monitor uses this.
#pragma once

#include <sys/types.h>

#include <optional>

#include "base/result.h"

namespace strata::sys {

struct ProcessExit {
  int code = 0;    // when signal is 0
  int signal = 0;  // that killed it
};

// The pid behind it; 0 when the process has been reaped.
Result<pid_t> pid_of(int pidfd);

// How the child behind the pidfd ended; it stays a zombie. nullopt when it has not ended yet. Errors: ECHILD
// when it is no child of ours.
Result<std::optional<ProcessExit>> exit_of_child(int pidfd);
// Takes the zombie away; no effect when there is none.
void reap(int pidfd);
// False when it has ended, or may not be signalled.
bool signal_process(int pidfd, int signal);

// How a process that is not our child ended: as long as it is a zombie /proc/PID/stat tells, and once its
// parent has reaped it (the pidfd then polls POLLHUP) ioctl PIDFD_GET_INFO with PIDFD_INFO_EXIT (Linux 6.15).
// nullopt when it has not ended, or nobody tells. `pid` is the process behind the pidfd.
std::optional<ProcessExit> exit_of_stranger(int pidfd, pid_t pid);

}  // namespace strata::sys
