// Whether this host can do what was asked for, said before anything is created.
#pragma once

#include "base/result.h"
#include "containers/container.h"

namespace strata::containers {

// Errors: kUnsupported naming the flag and the missing controller; kInvalidArgument, in docker's words, for
// numbers that make no sense here (more CPUs than there are, less than 6 MB of memory, …).
Result<> check_host_limits(const Config& config);

// Whether memory and swap can be limited together (v1: swap accounting is on).
bool can_limit_swap();

}  // namespace strata::containers
