#include "containers/host_limits.h"

#include <algorithm>
#include <optional>
#include <set>
#include <string>
#include <thread>

#include "base/strings.h"
#include "sys/file.h"
#include <fmt/core.h>

namespace strata::containers {
namespace {

constexpr std::uint64_t kMinimumMemory = 6 << 20;

struct Controllers {
  std::set<std::string, std::less<>> names;
  std::string v1_memory;  // where it is mounted, "" = not
};

// v1: a mounted hierarchy's super options name its controllers. v2: cgroup.controllers at its root.
Result<Controllers> controllers() {
  Controllers out;
  const std::string mounts = TRY(sys::read_file("/proc/self/mountinfo", 16 << 20));
  for (const std::string_view line : split(mounts, '\n')) {
    const std::size_t dash = line.find(" - cgroup");
    if (dash == std::string_view::npos) continue;
    const std::vector<std::string_view> left = split(line.substr(0, dash), ' ');
    const std::vector<std::string_view> right = split(line.substr(dash + 3), ' ');
    if (left.size() < 5 || right.size() < 3) continue;
    const std::string where(left[4]);
    if (right[0] == "cgroup") {
      for (const std::string_view option : split(right[2], ',')) {
        out.names.emplace(option);
        if (option == "memory") out.v1_memory = where;
      }
    } else if (right[0] == "cgroup2") {
      const Result<std::string> names = sys::read_file(where + "/cgroup.controllers");
      if (!names) continue;
      for (const std::string_view name : split(trim(*names), ' '))
        if (!name.empty()) out.names.emplace(name);
    }
  }
  return out;
}

}  // namespace

Result<> check_host_limits(const Config& config) {
  if (config.memory != 0 && config.memory < kMinimumMemory)
    return error(ErrorKind::kInvalidArgument, "Minimum memory limit allowed is 6MB");
  if (config.memory_swap > 0 && config.memory == 0)
    return error(ErrorKind::kInvalidArgument,
                 "You should always set the Memory limit when using Memoryswap limit, see usage");
  if (config.memory_swap > 0 && static_cast<std::uint64_t>(config.memory_swap) < config.memory)
    return error(ErrorKind::kInvalidArgument, "Minimum memoryswap limit should be larger than memory limit, see usage");
  if (config.memory != 0 && config.memory_reservation > config.memory)
    return error(ErrorKind::kInvalidArgument,
                 "Minimum memory limit can not be less than memory reservation limit, see usage");
  const unsigned cpus = std::max(1u, std::thread::hardware_concurrency());
  if (config.nano_cpus != 0 &&
      (config.nano_cpus < 10'000'000 || config.nano_cpus > static_cast<std::int64_t>(cpus) * 1'000'000'000))
    return error(ErrorKind::kInvalidArgument,
                 "range of CPUs is from 0.01 to {}.00, as there are only {} CPUs available", cpus, cpus);

  struct Need {
    bool asked;
    const char* flag;
    const char* controller;
  };
  const Need needs[] = {
      {config.memory != 0, "--memory", "memory"},
      {config.memory_reservation != 0, "--memory-reservation", "memory"},
      {config.nano_cpus != 0, "--cpus", "cpu"},
      {config.cpu_shares != 0, "--cpu-shares", "cpu"},
      {!config.cpuset_cpus.empty(), "--cpuset-cpus", "cpuset"},
      {config.pids_limit > 0, "--pids-limit", "pids"},
  };
  if (std::ranges::none_of(needs, &Need::asked)) return {};
  const Controllers there = TRY(controllers());
  for (const Need& need : needs)
    if (need.asked && !there.names.contains(need.controller))
      return error(ErrorKind::kUnsupported, "{} cannot be had: this host has no cgroup controller \"{}\"", need.flag,
                   need.controller);
  if (config.memory_swap != 0 && !can_limit_swap())
    return error(ErrorKind::kUnsupported, "--memory-swap cannot be had: this kernel does not account swap");
  return {};
}

bool can_limit_swap() {
  const Result<Controllers> there = controllers();
  if (!there) return false;
  return there->v1_memory.empty() || sys::exists(there->v1_memory + "/memory.memsw.limit_in_bytes");
}

}  // namespace strata::containers
