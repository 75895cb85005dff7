#include "sys/cgroup_v2.h"

#include <fcntl.h>
#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <chrono>

#include "base/strings.h"
#include "sys/bpf_device.h"
#include "sys/cgroup_files.h"
#include "sys/file.h"

// Kernel documentation: admin-guide/cgroup-v2.rst.

namespace strata::sys {
namespace {

// What a container's limits and statistics need.
constexpr std::string_view kControllers[] = {"cpu", "cpuset", "io", "memory", "pids"};

bool holds_word(std::string_view text, std::string_view word) {
  for (const std::string_view line : split(text, '\n'))
    for (const std::string_view one : split(line, ' '))
      if (one == word) return true;
  return false;
}

}  // namespace

std::uint64_t cpu_weight(std::uint64_t shares) {
  if (shares == 0) return 100;
  const std::uint64_t bounded = std::clamp<std::uint64_t>(shares, 2, 262'144);
  return 1 + (bounded - 2) * 9999 / 262'142;
}

CgroupV2::CgroupV2(std::string root, std::string path)
    : root_(std::move(root)), path_(std::move(path)), directory_(root_ + path_) {}

bool CgroupV2::exists() const { return sys::exists(directory_); }

// A controller works in a group when the group above lists it in its cgroup.subtree_control. What
// cannot be enabled (processes in a group that is not the real root) stays off; who limits it then
// hears of it.
void CgroupV2::enable_controllers(const std::string& group) const {
  const auto available = read_file(group + "/cgroup.controllers");
  if (!available || trim(*available).empty()) return;
  const auto enabled = read_file(group + "/cgroup.subtree_control");
  std::string missing;
  for (const std::string_view controller : kControllers)
    if (holds_word(*available, controller) && !(enabled && holds_word(*enabled, controller)))
      missing += fmt::format("{}+{}", missing.empty() ? "" : " ", controller);
  if (missing.empty()) return;
  const std::string file = group + "/cgroup.subtree_control";
  if (write_pseudo_file(file, missing)) return;
  for (const std::string_view one : split(missing, ' ')) (void)write_pseudo_file(file, one);
}

Result<bool> CgroupV2::create() {
  if (!TRY(make_group(root_, path_))) return false;
  enable_controllers(root_);
  for (std::size_t slash = path_.find('/', 1); slash != std::string::npos; slash = path_.find('/', slash + 1))
    enable_controllers(root_ + path_.substr(0, slash));
  return true;
}

int CgroupV2::descriptor() const {
  if (!descriptor_)
    if (auto opened = open_file(directory_, O_RDONLY | O_DIRECTORY)) descriptor_ = std::move(*opened);
  return descriptor_.get();
}

Result<> CgroupV2::write(const char* controller, const std::string& file, std::string_view text) const {
  auto written = write_pseudo_file(directory_ + "/" + file, text);
  if (!written && written.error().error_number() == ENOENT) return missing_controller(controller);
  return written;
}

Result<> CgroupV2::set(const CgroupLimits& limits) const {
  if (limits.memory) TRY(write("memory", "memory.max", limit_text(*limits.memory, "max")));
  if (limits.memory_reservation) TRY(write("memory", "memory.low", limit_text(*limits.memory_reservation, "max")));
  if (limits.memory_and_swap) {
    const std::int64_t both = *limits.memory_and_swap;
    if (both >= 0 && (!limits.memory || *limits.memory < 0 || both < *limits.memory))
      return error(ErrorKind::kInvalidArgument, "a limit of memory and swap needs a lower limit of memory");
    const std::int64_t swap = both < 0 ? -1 : both - *limits.memory;
    const auto set = write("memory", "memory.swap.max", limit_text(swap, "max"));
    // Without swap accounting the file is missing; the limit of memory holds without it (as with
    // Docker).
    if (!set && set.error().kind() != ErrorKind::kUnsupported) return set;
  }
  // Swappiness and the OOM killer cannot be set per group here; Docker leaves them, too.
  if (limits.cpu_shares) TRY(write("cpu", "cpu.weight", std::to_string(cpu_weight(*limits.cpu_shares))));
  if (limits.cpu_quota || limits.cpu_period) {
    const std::int64_t quota = limits.cpu_quota.value_or(-1);
    const std::uint64_t period = limits.cpu_period.value_or(100'000);
    TRY(write("cpu", "cpu.max", fmt::format("{} {}", quota <= 0 ? "max" : std::to_string(quota), period)));
  }
  if (!limits.cpus.empty()) TRY(write("cpuset", "cpuset.cpus", limits.cpus));
  if (!limits.mems.empty()) TRY(write("cpuset", "cpuset.mems", limits.mems));
  if (limits.pids) TRY(write("pids", "pids.max", *limits.pids <= 0 ? "max" : std::to_string(*limits.pids)));
  if (limits.block_weight) {
    // The I/O controller's weights are 1 to 10000 where v1's were 10 to 1000; BFQ keeps v1's.
    auto set = write("io", "io.bfq.weight", std::to_string(*limits.block_weight));
    if (!set && set.error().kind() == ErrorKind::kUnsupported) {
      const std::uint64_t weight = 1 + (std::max<std::uint64_t>(*limits.block_weight, 10) - 10) * 9999 / 990;
      set = write("io", "io.weight", std::to_string(weight));
    }
    TRY(std::move(set));
  }
  const auto throttle = [&](const std::vector<CgroupThrottle>& devices, const char* key) -> Result<> {
    for (const CgroupThrottle& device : devices)
      TRY(write("io", "io.max", fmt::format("{}:{} {}={}", device.major, device.minor, key, device.rate)));
    return {};
  };
  TRY(throttle(limits.read_bps, "rbps"));
  TRY(throttle(limits.write_bps, "wbps"));
  TRY(throttle(limits.read_iops, "riops"));
  TRY(throttle(limits.write_iops, "wiops"));
  if (!limits.devices.empty()) {
    TRY(attach_device_program(descriptor(), limits.devices));
  }
  for (const auto& [file, content] : limits.unified) {
    if (file.empty() || file.find('/') != std::string::npos)
      return error(ErrorKind::kInvalidArgument, "cgroup: {:?} is no file name", file);
    TRY(write(file.substr(0, file.find('.')).c_str(), file, content));
  }
  return {};
}

Result<> CgroupV2::add(pid_t pid) const {
  return write_pseudo_file(directory_ + "/cgroup.procs", std::to_string(pid)).context("enter cgroup");
}

Result<std::vector<pid_t>> CgroupV2::processes() const { return group_processes(directory_); }

bool CgroupV2::can_kill() const { return sys::exists(directory_ + "/cgroup.kill"); }

Result<> CgroupV2::wait_event(int events, std::string_view wanted, int timeout_ms, std::string_view complaint) const {
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    char buffer[256];
    const std::size_t size = TRY(pread_full(events, std::as_writable_bytes(std::span(buffer)), 0));
    if (std::string_view(buffer, size).find(wanted) != std::string_view::npos) return {};
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return error(ErrorKind::kTimeout, "{} {}", complaint, path_);
    pollfd change{events, POLLPRI, 0};
    (void)::poll(&change, 1, static_cast<int>(left));
  }
}

Result<> CgroupV2::kill(int timeout_ms) const {
  const auto events = open_file(directory_ + "/cgroup.events", O_RDONLY);
  if (!events) {
    if (events.error().error_number() == ENOENT) return {};
    return events.error();
  }
  TRY(write_pseudo_file(directory_ + "/cgroup.kill", "1"));
  return wait_event(events->get(), "populated 0", timeout_ms, "processes do not end in cgroup");
}

Result<> CgroupV2::set_frozen(bool frozen) const {
  constexpr int kPatience = 10'000;  // ms; a process in the middle of disk I/O stops behind it
  if (!frozen) return write_pseudo_file(directory_ + "/cgroup.freeze", "0");
  const UniqueFd events = TRY(open_file(directory_ + "/cgroup.events", O_RDONLY));
  TRY(write_pseudo_file(directory_ + "/cgroup.freeze", "1"));
  Result<> waited = wait_event(events.get(), "frozen 1", kPatience, "processes do not freeze in cgroup");
  if (!waited) (void)write_pseudo_file(directory_ + "/cgroup.freeze", "0");
  return waited;
}

bool CgroupV2::frozen() const {
  const auto text = read_file(directory_ + "/cgroup.freeze");
  return text && text->starts_with('1');
}

void CgroupV2::add_statistics(CgroupStatistics& statistics) const {
  const auto fill = [](std::optional<std::uint64_t>& field, std::optional<std::uint64_t> value) {
    if (!field) field = value;
  };
  fill(statistics.memory_bytes, number_in(directory_ + "/memory.current"));
  fill(statistics.memory_limit, number_in(directory_ + "/memory.max"));
  fill(statistics.memory_peak, number_in(directory_ + "/memory.peak"));
  fill(statistics.oom_kills, number_in(directory_ + "/memory.events", "oom_kill"));
  fill(statistics.pids, number_in(directory_ + "/pids.current"));
  if (const auto usage = number_in(directory_ + "/cpu.stat", "usage_usec"); usage && !statistics.cpu_nanoseconds)
    statistics.cpu_nanoseconds = *usage * 1000;
}

}  // namespace strata::sys
