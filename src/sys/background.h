// Work that outlives the command that asks for it, and making files durable.
#pragma once

#include <functional>
#include <span>

#include "base/result.h"

namespace strata::sys {

// Forks a process that leaves our session, terminal, working directory and standard streams, holds
// none of our descriptors but those in `keep`, runs `work` and exits. For commands about to end,
// with no other thread running: the child is not waited for. `name` (at most 15 bytes) is what ps
// shows.
Result<> run_in_background(const char* name, std::span<const int> keep, const std::function<void()>& work);

// syncfs(2): all that was written to the file system of `fd` is on the disk. An EIO since the last
// call on this description is reported.
Result<> sync_file_system(int fd);

}  // namespace strata::sys
