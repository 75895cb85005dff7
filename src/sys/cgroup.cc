#include "sys/cgroup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <poll.h>
#include <signal.h>
#include <sys/statfs.h>

#include <cerrno>
#include <chrono>

#include "sys/bpf_device.h"
#include "sys/cgroup_files.h"
#include "sys/cgroup_v1.h"
#include "sys/cgroup_v2.h"
#include "sys/file.h"
#include "sys/process.h"

namespace strata::sys {
namespace {

constexpr const char* kMount = "/sys/fs/cgroup";

std::uint64_t magic_of(const std::string& path) {
  struct statfs64 status{};
  return ::statfs64(path.c_str(), &status) == 0 ? static_cast<std::uint64_t>(status.f_type) : 0;
}

struct Layout {
  std::vector<std::string> v1;  // names below kMount
  std::string unified;          // mount of the v2 hierarchy, empty without one
};

// Where systemd and everybody else mounts them. /proc/self/mountinfo would tell for sure, but on a
// host with a thousand containers reading it costs more than starting one.
Layout find_hierarchies() {
  Layout layout;
  if (magic_of(kMount) == CGROUP2_SUPER_MAGIC) {
    layout.unified = kMount;
    return layout;
  }
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(kMount), ::closedir);
  if (!stream) return layout;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string name = entry->d_name;
    if (entry->d_type != DT_DIR || name == "." || name == "..") continue;  // symlinks name co-mounted controllers
    const std::uint64_t magic = magic_of(std::string(kMount) + "/" + name);
    if (magic == CGROUP_SUPER_MAGIC) layout.v1.push_back(name);
    if (magic == CGROUP2_SUPER_MAGIC) layout.unified = std::string(kMount) + "/" + name;
  }
  return layout;
}

Result<> check_path(const std::string& path) {
  const bool fine = path.size() > 1 && path.front() == '/' && path.back() != '/' &&
                    path.find("//") == std::string::npos && (path + "/").find("/../") == std::string::npos &&
                    (path + "/").find("/./") == std::string::npos;
  if (!fine) return error(ErrorKind::kInvalidArgument, "cgroups path {:?} is not absolute and plain", path);
  return {};
}

// What of the limits is set, by the name of its controller; empty: nothing.
std::string_view limited_controller(const CgroupLimits& limits) {
  if (limits.memory || limits.memory_reservation || limits.memory_and_swap || limits.swappiness ||
      limits.disable_oom_killer)
    return "memory";
  if (limits.cpu_shares || limits.cpu_period || limits.cpu_quota) return "cpu";
  if (!limits.cpus.empty() || !limits.mems.empty()) return "cpuset";
  if (limits.pids) return "pids";
  if (limits.block_weight || !limits.read_bps.empty() || !limits.write_bps.empty() || !limits.read_iops.empty() ||
      !limits.write_iops.empty())
    return "blkio";
  if (!limits.devices.empty()) return "devices";
  if (!limits.unified.empty()) return "the unified hierarchy";
  return {};
}

}  // namespace

struct Cgroup::State {
  std::string path;
  CgroupV1 v1;
  std::optional<CgroupV2> v2;
};

Cgroup::Cgroup(std::unique_ptr<State> state) : state_(std::move(state)) {}
Cgroup::Cgroup(Cgroup&&) noexcept = default;
Cgroup& Cgroup::operator=(Cgroup&&) noexcept = default;
Cgroup::~Cgroup() = default;

Result<Cgroup> Cgroup::create(const std::string& path) {
  TRY(check_path(path));
  Layout layout = find_hierarchies();
  Cgroup group(std::make_unique<State>(State{path, CgroupV1(kMount, std::move(layout.v1), path), std::nullopt}));
  const auto make = [&]() -> Result<> {
    TRY(group.state_->v1.create());
    if (layout.unified.empty()) return {};
    group.state_->v2.emplace(layout.unified, path);
    if (!TRY(group.state_->v2->create())) group.state_->v2.reset();
    return {};
  };
  if (auto made = make(); !made) {
    (void)group.remove();
    return std::move(made).take_error();
  }
  return group;
}

Result<Cgroup> Cgroup::open(const std::string& path) {
  TRY(check_path(path));
  Layout layout = find_hierarchies();
  Cgroup group(std::make_unique<State>(State{path, CgroupV1(kMount, std::move(layout.v1), path), std::nullopt}));
  group.state_->v1.keep_existing();
  if (!layout.unified.empty()) {
    group.state_->v2.emplace(layout.unified, path);
    if (!group.state_->v2->exists()) group.state_->v2.reset();
  }
  return group;
}

const std::string& Cgroup::path() const { return state_->path; }
bool Cgroup::empty() const { return state_->v1.empty() && !state_->v2; }

Result<> Cgroup::set(const CgroupLimits& limits) {
  const CgroupLimits left = TRY(state_->v1.set(limits));
  if (state_->v2) return state_->v2->set(left);
  if (const std::string_view controller = limited_controller(left); !controller.empty())
    return missing_controller(controller);
  return {};
}

bool Cgroup::can_restrict_devices() const {
  return state_->v1.has("devices") || (state_->v2 && device_programs_work());
}

int Cgroup::clone_descriptor() const { return state_->v2 ? state_->v2->descriptor() : -1; }
Result<> Cgroup::enter_self() const { return state_->v1.enter_self(); }

Result<> Cgroup::add(pid_t pid) const {
  TRY(state_->v1.add(pid));
  return state_->v2 ? state_->v2->add(pid) : Result<>{};
}

Result<std::vector<pid_t>> Cgroup::processes() const {
  return state_->v2 ? state_->v2->processes() : state_->v1.processes();
}

Result<> Cgroup::kill_all(int timeout_ms) const {
  // A frozen process takes no signal until it is thawed.
  if (state_->v1.has("freezer")) TRY(state_->v1.set_frozen(false));
  if (state_->v2 && state_->v2->can_kill()) return state_->v2->kill(timeout_ms);
  if (state_->v2) (void)state_->v2->set_frozen(false);
  using Clock = std::chrono::steady_clock;
  const auto deadline = Clock::now() + std::chrono::milliseconds(timeout_ms);
  for (;;) {
    const std::vector<pid_t> pids = TRY(processes());
    if (pids.empty()) return {};
    std::vector<UniqueFd> pidfds;
    std::vector<pollfd> ends;
    for (const pid_t pid : pids) {
      auto pidfd = open_pidfd(pid);
      if (!pidfd) continue;  // ended meanwhile
      (void)send_signal(pidfd->get(), SIGKILL);
      ends.push_back({pidfd->get(), POLLIN, 0});
      pidfds.push_back(std::move(*pidfd));
    }
    // Each one's end is waited for; then the list is read again for those that were forked
    // meanwhile.
    for (pollfd& end : ends) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
      if (left <= 0) return error(ErrorKind::kTimeout, "processes of cgroup {} do not end", state_->path);
      (void)::poll(&end, 1, static_cast<int>(left));
    }
    if (Clock::now() >= deadline) return error(ErrorKind::kTimeout, "processes of cgroup {} do not end", state_->path);
  }
}

Result<> Cgroup::freeze() const {
  return state_->v1.has("freezer") || !state_->v2 ? state_->v1.set_frozen(true) : state_->v2->set_frozen(true);
}

Result<> Cgroup::thaw() const {
  return state_->v1.has("freezer") || !state_->v2 ? state_->v1.set_frozen(false) : state_->v2->set_frozen(false);
}

bool Cgroup::frozen() const {
  return state_->v1.has("freezer") || !state_->v2 ? state_->v1.frozen() : state_->v2->frozen();
}

Result<CgroupStatistics> Cgroup::statistics() const {
  CgroupStatistics statistics;
  state_->v1.add_statistics(statistics);
  if (state_->v2) state_->v2->add_statistics(statistics);
  return statistics;
}

std::vector<std::pair<std::string, std::string>> Cgroup::directories() const {
  std::vector<std::pair<std::string, std::string>> result;
  for (const std::string& name : state_->v1.hierarchies()) result.emplace_back(name, state_->v1.directory(name));
  if (state_->v2) result.emplace_back("", state_->v2->directory());
  return result;
}

void Cgroup::remove_unused() {
  for (const auto& [name, directory] : directories()) ::rmdir(directory.c_str());
}

Result<> Cgroup::remove() {
  Result<> first;
  for (const auto& [name, directory] : directories())
    if (auto removed = remove_group(directory); !removed && first) first = std::move(removed);
  return first;
}

}  // namespace strata::sys
