// The v2 half of cgroup.h: one directory, controllers enabled in every group above it.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "sys/cgroup.h"
#include "sys/unique_fd.h"

namespace strata::sys {

class CgroupV2 {
 public:
  CgroupV2(std::string root, std::string path);

  // Makes the directory and enables what controllers it can. False when the hierarchy is read-only
  // for us.
  Result<bool> create();
  bool exists() const;
  const std::string& directory() const { return directory_; }

  Result<> set(const CgroupLimits& limits) const;
  Result<> add(pid_t pid) const;
  // Of all groups below, too.
  Result<std::vector<pid_t>> processes() const;
  bool can_kill() const;  // cgroup.kill, Linux 5.14
  // SIGKILL to all, and waits until the group is empty. kTimeout.
  Result<> kill(int timeout_ms) const;
  Result<> set_frozen(bool frozen) const;  // waits until all stand still
  bool frozen() const;
  void add_statistics(CgroupStatistics& statistics) const;
  // Of the directory, opened when first asked for; -1 when that fails. Owned by this object.
  int descriptor() const;

 private:
  Result<> wait_event(int events, std::string_view wanted, int timeout_ms, std::string_view complaint) const;
  void enable_controllers(const std::string& group) const;
  Result<> write(const char* controller, const std::string& file, std::string_view text) const;

  std::string root_;
  std::string path_;
  std::string directory_;
  mutable UniqueFd descriptor_;
};

// cpu.shares (2 to 262144) as cpu.weight (1 to 10000), the way every runtime does it.
std::uint64_t cpu_weight(std::uint64_t shares);

}  // namespace strata::sys
