// What cgroup_v1.cc and cgroup_v2.cc share.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::sys {

// mkdir -p of `path` below the mount `root`; false when the file system is read-only or closed to
// us.
Result<bool> make_group(const std::string& root, const std::string& path);

// Removes a group and those below it. Errors: kConflict when it holds processes for longer than it
// takes an exiting one to leave.
Result<> remove_group(const std::string& directory);

// The pids in `file` (cgroup.procs) of the group and of those below.
Result<std::vector<pid_t>> group_processes(const std::string& directory);

// The number a file holds ("max" and others: unset), and one line "key number" of a flat-keyed
// file.
std::optional<std::uint64_t> number_in(const std::string& path);
std::optional<std::uint64_t> number_in(const std::string& path, std::string_view key);

// "-1" or "max" for unlimited.
std::string limit_text(std::int64_t value, std::string_view unlimited);

// "cgroup: this host has no controller for NAME", kUnsupported.
Error missing_controller(std::string_view what);

}  // namespace strata::sys
