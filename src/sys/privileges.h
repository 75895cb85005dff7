// Giving up what a process does not need.
#pragma once

#include <sys/types.h>

#include <cstdint>

#include "base/result.h"

namespace strata::sys {

// Becomes uid and gid `nobody` (65534) with no other group and no capability, when we are root;
// else only gives up capabilities. Either way no_new_privs is set, the process is not dumpable
// (nobody's other processes cannot look into it) and makes no core file. Call it with one thread.
Result<> drop_all_privileges();

// setrlimit(2) of soft and hard limit, lowered only; `resource` is RLIMIT_*.
Result<> lower_limit(int resource, std::uint64_t value);

// Closes every descriptor from `first` up: close_range(2).
Result<> close_from(int first);

}  // namespace strata::sys
