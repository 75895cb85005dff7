// A process that becomes another program for good, or leaves one behind. No libfmt here: the monitor uses
// this.
#pragma once

#include <sys/types.h>

#include <span>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

// Replaces this process by `program`: a session of its own, / as directory, /dev/null as standard streams,
// signals as at the start, `fds` as descriptors 3, 4, … and no others. argv and envp end with a null
// pointer. Returns only the error.
Error become(const char* program, std::span<const int> fds, char* const* argv, char* const* envp);

// A child that does the same, by fork(2): for small processes, or rare occasions, since page tables are
// copied. When the program cannot be executed the child exits with 127.
struct DetachedChild {
  pid_t pid = 0;
  UniqueFd pidfd;
};
Result<DetachedChild> start_detached(const char* program, std::span<const int> fds, char* const* argv,
                                     char* const* envp);

}  // namespace strata::sys
