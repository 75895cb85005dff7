// Executing somebody else's program without our own being within its reach (CVE-2019-5736).
//
// A child that is about to become a container's process still is our program: its /proc/PID/exe is
// a file of the host. A script that begins with "#!/proc/self/exe" would make the kernel execute
// that file, inside, from where a helper opens it and later writes to it. So the last steps are
// done by a few hundred bytes of code in anonymous memory: they unmap our program, make an empty
// memory file the process's program (prctl(2), PR_SET_MM_MAP), give up the remaining rights and
// execute. What "/proc/self/exe" then finds is nothing. No copy of our program is made and nothing
// else is executed: it takes microseconds.
//
// Before those steps the child must be undumpable (namespace.h), which keeps others out of its
// /proc/PID.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "sys/capability.h"
#include "sys/seccomp.h"

namespace strata::sys {

struct HiddenExec {
  const std::string& program;  // path, not searched for
  const std::vector<std::string>& arguments;
  const std::vector<std::string>& environment;
  const SeccompFilter* filter = nullptr;  // loaded before the capabilities go
  unsigned filter_flags = 0;
  CapabilitySets capabilities;  // effective, permitted, inheritable and ambient become these
  // Where to say that it failed: one message, `report` with the step and the errno as two int32 at
  // `report_at`. Then the process exits with 127.
  int socket = -1;
  std::string report;
  std::size_t report_at = 0;
};

enum class HiddenExecStep : int { kHide = 1, kFilter, kCapabilities, kExecute };

// Returns only when the preparations fail. The caller has one thread, CAP_SYS_ADMIN, and no signal
// handlers. Errors: kUnsupported where the kernel cannot change a process's program (no
// CONFIG_CHECKPOINT_RESTORE, no CAP_SYS_ADMIN): nothing has happened then.
Error execute_hidden(const HiddenExec& what);

// Whether a file would lead the kernel to our own program: it is our program, or a script whose
// interpreter is. For where execute_hidden() is not supported; who can change the file meanwhile
// can cheat.
bool leads_to_ourselves(const std::string& program);

}  // namespace strata::sys
