// Landlock (landlock(7)): a process gives up what it may open, for ever and for its children.
#pragma once

#include <span>
#include <string>

#include "base/result.h"

namespace strata::sys {

// From now on this process opens nothing but files in or below these paths, for reading (and
// mapping executable: shared libraries); paths that do not exist are passed over. It also no longer
// binds TCP ports (kernels from 6.7), nor signals or reaches abstract sockets outside (6.12).
// Descriptors held stay usable. Needs no_new_privs or CAP_SYS_ADMIN. False when this kernel has no
// Landlock. Call it with one thread.
Result<bool> landlock_read_only(std::span<const std::string> paths);

}  // namespace strata::sys
