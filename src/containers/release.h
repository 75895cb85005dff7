// Giving back what a container that has ended held outside of its record. Everything here can be done
// again, by anybody, at any time after init is dead.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "containers/containers.h"

namespace strata::containers {

// Address and ports, what is left in the cgroup and the cgroup itself, the run directory. With `network`
// false it is known that nothing was attached.
Result<> release(const Parts& parts, std::string_view id, bool network = true);

// The cgroup in which P and the monitors live, so that the end of the caller's does not end them.
inline constexpr std::string_view kMonitorCgroup = "/strata/monitor";
// Moves this process there, unless it is at the root of every hierarchy anyway.
Result<> leave_cgroup();
// Best effort; it stays while a monitor lives.
void remove_monitor_cgroup();

}  // namespace strata::containers
