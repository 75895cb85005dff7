#include "sys/cgroup_v1.h"

#include <fcntl.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <thread>

#include "base/strings.h"
#include "sys/cgroup_files.h"
#include "sys/file.h"

// Kernel documentation: admin-guide/cgroup-v1/.

namespace strata::sys {
namespace {

std::string number_or_all(const std::optional<std::int64_t>& number) { return number ? std::to_string(*number) : "*"; }

std::string device_line(const CgroupDeviceRule& rule) {
  std::string access;
  if (rule.read) access += 'r';
  if (rule.write) access += 'w';
  if (rule.mknod) access += 'm';
  return fmt::format("{} {}:{} {}", rule.type, number_or_all(rule.major), number_or_all(rule.minor), access);
}

}  // namespace

CgroupV1::CgroupV1(std::string root, std::vector<std::string> hierarchies, std::string path)
    : root_(std::move(root)), names_(std::move(hierarchies)), path_(std::move(path)) {}

const std::string* CgroupV1::hierarchy(std::string_view controller) const {
  for (const std::string& name : names_)
    for (const std::string_view one : split(name, ','))
      if (one == controller) return &name;
  return nullptr;
}

Result<> CgroupV1::create() {
  std::vector<std::string> usable;
  for (const std::string& name : names_)
    if (TRY(make_group(root_ + "/" + name, path_))) usable.push_back(name);
  names_ = std::move(usable);
  if (const std::string* cpuset = hierarchy("cpuset")) TRY(fill_cpuset(directory(*cpuset)));
  return {};
}

void CgroupV1::keep_existing() {
  std::erase_if(names_, [&](const std::string& name) { return !exists(directory(name)); });
}

// A new cpuset is empty and takes no process until it says which processors and memory nodes.
Result<> CgroupV1::fill_cpuset(const std::string& group) const {
  for (const char* file : {"cpuset.cpus", "cpuset.mems"}) {
    const std::string name = std::string("/") + file;
    if (!trim(TRY(read_file(group + name))).empty()) continue;
    const std::string above = group.substr(0, group.rfind('/'));
    if (trim(TRY(read_file(above + name))).empty()) TRY(fill_cpuset(above));
    const std::string inherited = TRY(read_file(above + name));
    TRY(write_pseudo_file(group + name, trim(inherited)));
  }
  return {};
}

Result<> CgroupV1::write(std::string_view controller, const char* file, std::string_view text) const {
  const std::string* name = hierarchy(controller);
  if (name == nullptr) return missing_controller(controller);
  auto written = write_pseudo_file(directory(*name) + "/" + file, text);
  if (!written && written.error().error_number() == ENOENT)
    return error(ErrorKind::kUnsupported, "this kernel's {} controller has no {}", controller, file);
  return written;
}

Result<> CgroupV1::set_memory(const CgroupLimits& limits) const {
  if (limits.memory) {
    auto set = write("memory", "memory.limit_in_bytes", limit_text(*limits.memory, "-1"));
    // Memory alone may not exceed memory and swap together, as these are now.
    if (!set && set.error().error_number() == EINVAL && limits.memory_and_swap) {
      TRY(write("memory", "memory.memsw.limit_in_bytes", limit_text(*limits.memory_and_swap, "-1")));
      set = write("memory", "memory.limit_in_bytes", limit_text(*limits.memory, "-1"));
    }
    TRY(std::move(set), "memory limit");
  }
  if (limits.memory_and_swap) {
    const auto set = write("memory", "memory.memsw.limit_in_bytes", limit_text(*limits.memory_and_swap, "-1"));
    // Without swap accounting the file is missing; the limit of memory holds without it (as with
    // Docker).
    if (!set && set.error().kind() != ErrorKind::kUnsupported) return set;
  }
  if (limits.memory_reservation)
    TRY(write("memory", "memory.soft_limit_in_bytes", limit_text(*limits.memory_reservation, "-1")));
  if (limits.swappiness) TRY(write("memory", "memory.swappiness", std::to_string(*limits.swappiness)));
  if (limits.disable_oom_killer) TRY(write("memory", "memory.oom_control", "1"));
  return {};
}

Result<> CgroupV1::set_cpu(const CgroupLimits& limits) const {
  if (limits.cpu_shares) TRY(write("cpu", "cpu.shares", std::to_string(*limits.cpu_shares)));
  if (limits.cpu_period) TRY(write("cpu", "cpu.cfs_period_us", std::to_string(*limits.cpu_period)));
  if (limits.cpu_quota) TRY(write("cpu", "cpu.cfs_quota_us", limit_text(*limits.cpu_quota, "-1")));
  return {};
}

Result<> CgroupV1::set_block(const CgroupLimits& limits) const {
  if (limits.block_weight) {
    const std::string weight = std::to_string(*limits.block_weight);
    auto set = write("blkio", "blkio.weight", weight);
    if (!set && set.error().kind() == ErrorKind::kUnsupported) set = write("blkio", "blkio.bfq.weight", weight);
    TRY(std::move(set));
  }
  const auto throttle = [&](const std::vector<CgroupThrottle>& devices, const char* file) -> Result<> {
    for (const CgroupThrottle& device : devices)
      TRY(write("blkio", file, fmt::format("{}:{} {}", device.major, device.minor, device.rate)));
    return {};
  };
  TRY(throttle(limits.read_bps, "blkio.throttle.read_bps_device"));
  TRY(throttle(limits.write_bps, "blkio.throttle.write_bps_device"));
  TRY(throttle(limits.read_iops, "blkio.throttle.read_iops_device"));
  return throttle(limits.write_iops, "blkio.throttle.write_iops_device");
}

Result<> CgroupV1::set_devices(const std::vector<CgroupDeviceRule>& rules) const {
  // The kernel starts a group with all devices allowed; here nothing is until a rule says so. (A
  // first rule that allows or denies all is that start itself.)
  const bool starts_with_all = !rules.empty() && rules[0].type == 'a' && !rules[0].major && !rules[0].minor &&
                               rules[0].read && rules[0].write && rules[0].mknod;
  const std::string group = directory(*hierarchy("devices"));
  const UniqueFd allow = TRY(open_file(group + "/devices.allow", O_WRONLY));
  const UniqueFd deny = TRY(open_file(group + "/devices.deny", O_WRONLY));
  if (!starts_with_all) TRY(write_all(deny.get(), std::string_view("a")), "restrict devices");
  for (const CgroupDeviceRule& rule : rules) {
    const std::string line = rule.type == 'a' && !rule.major && !rule.minor ? "a" : device_line(rule);
    TRY(write_all((rule.allow ? allow : deny).get(), line), "device rule {:?}", line);
  }
  return {};
}

Result<CgroupLimits> CgroupV1::set(const CgroupLimits& limits) {
  CgroupLimits left = limits;
  if (has("memory")) {
    TRY(set_memory(limits));
    left.memory.reset(), left.memory_reservation.reset(), left.memory_and_swap.reset();
    left.swappiness.reset(), left.disable_oom_killer = false;
  }
  if (has("cpu")) {
    TRY(set_cpu(limits));
    left.cpu_shares.reset(), left.cpu_period.reset(), left.cpu_quota.reset();
  }
  if (has("cpuset")) {
    if (!limits.cpus.empty()) TRY(write("cpuset", "cpuset.cpus", limits.cpus));
    if (!limits.mems.empty()) TRY(write("cpuset", "cpuset.mems", limits.mems));
    left.cpus.clear(), left.mems.clear();
  }
  if (has("pids")) {
    if (limits.pids) TRY(write("pids", "pids.max", *limits.pids <= 0 ? "max" : std::to_string(*limits.pids)));
    left.pids.reset();
  }
  if (has("blkio")) {
    TRY(set_block(limits));
    left.block_weight.reset();
    left.read_bps.clear(), left.write_bps.clear(), left.read_iops.clear(), left.write_iops.clear();
  }
  if (has("devices")) {
    if (!limits.devices.empty()) TRY(set_devices(limits.devices));
    left.devices.clear();
  }
  return left;
}

Result<> CgroupV1::enter_self() const {
  // "0" into `tasks`, not a pid into cgroup.procs: a thread that moves itself needs no lock on
  // every fork and exit of the system, which would be a wait for an RCU grace period.
  for (const std::string& name : names_) TRY(write_pseudo_file(directory(name) + "/tasks", "0"), "enter cgroup");
  return {};
}

Result<> CgroupV1::add(pid_t pid) const {
  for (const std::string& name : names_)
    TRY(write_pseudo_file(directory(name) + "/cgroup.procs", std::to_string(pid)), "enter cgroup");
  return {};
}

Result<std::vector<pid_t>> CgroupV1::processes() const {
  if (names_.empty()) return std::vector<pid_t>{};
  return group_processes(directory(names_.front()));
}

Result<> CgroupV1::set_frozen(bool frozen) const {
  if (!has("freezer")) return error(ErrorKind::kUnsupported, "this host has no freezer cgroup");
  const std::string state = directory(*hierarchy("freezer")) + "/freezer.state";
  const std::string_view wanted = frozen ? "FROZEN" : "THAWED";
  // Each process stops itself when it next runs, which takes time on a busy machine; and freezing fails silently
  // when one forks meanwhile: written again it goes on (freezer-subsystem.rst).
  using Clock = std::chrono::steady_clock;
  constexpr auto kPatience = std::chrono::seconds(10);
  const auto deadline = Clock::now() + kPatience;
  for (std::chrono::microseconds pause(50);; pause = std::min(2 * pause, std::chrono::microseconds(5000))) {
    TRY(write_pseudo_file(state, wanted));
    if (trim(TRY(read_file(state))) == wanted) return {};
    if (Clock::now() >= deadline) break;
    std::this_thread::sleep_for(pause);
  }
  if (frozen) (void)write_pseudo_file(state, "THAWED");
  return error(ErrorKind::kTimeout, "the cgroup does not freeze");
}

bool CgroupV1::frozen() const {
  if (!has("freezer")) return false;
  const auto state = read_file(directory(*hierarchy("freezer")) + "/freezer.state");
  return state && trim(*state) != "THAWED";
}

void CgroupV1::add_statistics(CgroupStatistics& statistics) const {
  if (has("memory")) {
    const std::string group = directory(*hierarchy("memory"));
    statistics.memory_bytes = number_in(group + "/memory.usage_in_bytes");
    statistics.memory_limit = number_in(group + "/memory.limit_in_bytes");
    statistics.memory_peak = number_in(group + "/memory.max_usage_in_bytes");
    statistics.oom_kills = number_in(group + "/memory.oom_control", "oom_kill");
  }
  if (has("cpuacct")) statistics.cpu_nanoseconds = number_in(directory(*hierarchy("cpuacct")) + "/cpuacct.usage");
  if (has("pids")) statistics.pids = number_in(directory(*hierarchy("pids")) + "/pids.current");
}

}  // namespace strata::sys
