// Control groups, version 1 (also hybrid) and version 2, behind one type.
//
// A Cgroup is named by one path ("/strata/<id>") that is looked up from the root of every hierarchy
// this process can see below /sys/fs/cgroup. On v1 it is one directory per mounted controller; on
// v2 one directory, with the controllers enabled along the path. What is not mounted, or cannot be
// written, is left out: a limit that then has nowhere to go is an error (kUnsupported, naming the
// controller), a cgroup nobody limits works without any controller at all.
//
// The object owns nothing but its knowledge of the paths: the directories stay until remove().
// Sources: cgroups(7), the kernel's admin-guide/cgroup-v1/ and cgroup-v2.rst. Not thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

struct CgroupDeviceRule {
  bool allow = false;
  char type = 'a';                           // 'a' both, 'b', 'c'
  std::optional<std::int64_t> major, minor;  // unset: all
  bool read = true, write = true, mknod = true;
};

struct CgroupThrottle {
  std::int64_t major = 0, minor = 0;
  std::uint64_t rate = 0;
};

// Everything unset stays what the kernel gives a new group. Bytes, microseconds; -1 is unlimited.
struct CgroupLimits {
  std::optional<std::int64_t> memory, memory_reservation, memory_and_swap;
  std::optional<std::uint64_t> swappiness;
  bool disable_oom_killer = false;
  std::optional<std::uint64_t> cpu_shares, cpu_period;
  std::optional<std::int64_t> cpu_quota;
  std::string cpus, mems;  // "0-2,7"
  std::optional<std::int64_t> pids;
  std::optional<std::uint16_t> block_weight;
  std::vector<CgroupThrottle> read_bps, write_bps, read_iops, write_iops;
  std::map<std::string, std::string> unified;  // v2: file name to content
  // In order, the last match decides; a device no rule matches is denied. Empty: nothing is
  // restricted.
  std::vector<CgroupDeviceRule> devices;
};

struct CgroupStatistics {  // a number the host does not have is unset
  std::optional<std::uint64_t> memory_bytes, memory_limit, memory_peak, cpu_nanoseconds, pids, oom_kills;
};

class [[nodiscard]] Cgroup {
 public:
  // Makes the directories; those that exist already are taken as they are. Nothing is left on
  // error.
  static Result<Cgroup> create(const std::string& path);
  // Takes what exists under that name; maybe nothing.
  static Result<Cgroup> open(const std::string& path);
  Cgroup(Cgroup&&) noexcept;
  Cgroup& operator=(Cgroup&&) noexcept;
  ~Cgroup();

  const std::string& path() const;
  bool empty() const;  // no directory anywhere: nothing can be limited, frozen or listed

  Result<> set(const CgroupLimits& limits);
  // False when device rules have no effect on this host (no v1 controller, no eBPF).
  bool can_restrict_devices() const;

  // v2: a descriptor for clone3's CLONE_INTO_CGROUP; -1 where the unified hierarchy is not used.
  int clone_descriptor() const;
  // Moves the calling process, which must have one thread, into every v1 group (cheap: no global
  // lock).
  Result<> enter_self() const;
  // Moves another process, with all its threads, into every group.
  Result<> add(pid_t pid) const;

  Result<std::vector<pid_t>> processes() const;
  // SIGKILL to every process in it, also those being made meanwhile; returns when none is left or
  // after `timeout_ms` (kTimeout).
  Result<> kill_all(int timeout_ms = 10'000) const;
  // Returns once all processes stand still. Errors: kUnsupported, kTimeout.
  Result<> freeze() const;
  Result<> thaw() const;
  bool frozen() const;  // or about to be
  Result<CgroupStatistics> statistics() const;

  // Removes the directories, those below too; gone already is no error. Processes left: kConflict.
  Result<> remove();
  // One try, without waiting: a group that somebody is in, or enters at this moment, stays.
  void remove_unused();

  // Hierarchy ("memory", "cpu,cpuacct"; "" is v2's) and the group's directory in it, as this
  // process sees it.
  std::vector<std::pair<std::string, std::string>> directories() const;

 private:
  struct State;
  explicit Cgroup(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace strata::sys
