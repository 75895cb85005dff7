// A copy of this process that goes its own way: fork(2), for work that needs our memory. Programs are
// started with spawn() (process.h), which copies nothing.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "base/result.h"
#include "sys/process.h"

namespace strata::sys {

struct ForkOptions {
  bool new_session = false;      // setsid(2): not reached by our terminal's and our group's signals
  bool die_with_parent = false;  // SIGKILL when the thread that called us ends (PR_SET_PDEATHSIG)
  // The child closes every descriptor above 2 that is not listed; nullopt: none.
  std::optional<std::vector<int>> keep;
};

// Runs `body` in the child; what it returns is the exit code. The child has one thread, our
// descriptors, no signal blocked and all handlers reset; it leaves by _exit(2), so no destructor outside of
// `body` runs twice. Locks that other threads of ours held stay locked in it for ever: call this while
// there are none.
Result<Child> fork_child(const ForkOptions& options, const std::function<int()>& body);

}  // namespace strata::sys
