// A process that may do what root may, but only inside one directory.
#pragma once

#include <span>

#include "base/result.h"

namespace strata::sys {

// chroot(2)s into `dir` and gives up every capability but `capabilities` (CAP_…), now and for what it may
// execute; sets no_new_privs; not dumpable. What chroot(2) needs is given up too, unless listed.
// Call it with one thread, and with no descriptor of a directory outside.
Result<> confine_to_directory(int dir, std::span<const int> capabilities);

}  // namespace strata::sys
