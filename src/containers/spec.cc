#include "containers/spec.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "containers/config_merge.h"
#include "sys/file.h"

namespace strata::containers {
namespace {

constexpr std::string_view kDefaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::uint64_t kCpuPeriod = 100'000;  // microseconds

constexpr auto kMaskedPaths = std::to_array<std::string_view>({
    "/proc/asound",
    "/proc/acpi",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
});
constexpr auto kReadonlyPaths = std::to_array<std::string_view>({
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
});

bool uses_host_network(const Config& config) { return config.network_mode == "host"; }
bool has_own_network(const Config& config) { return config.network_mode == "none" || config.network_mode == "bridge"; }

bool has_option(const Config& config, std::string_view name) {
  return std::ranges::any_of(config.security_opt, [&](const std::string& option) {
    return option == name || option == fmt::format("{}=true", name) || option == fmt::format("{}:true", name);
  });
}

std::vector<oci::Namespace> namespaces(const SpecInputs& in) {
  std::vector<oci::Namespace> out = {{oci::NamespaceType::kMount, ""},
                                     {oci::NamespaceType::kPid, ""},
                                     {oci::NamespaceType::kUts, ""},
                                     {oci::NamespaceType::kIpc, ""},
                                     {oci::NamespaceType::kCgroup, ""}};
  if (!uses_host_network(in.config)) out.push_back({oci::NamespaceType::kNetwork, in.join_network});
  return out;
}

std::vector<oci::Mount> system_mounts(const Config& config) {
  const std::string access = config.privileged ? "rw" : "ro";
  return {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", access}},
      {"/sys/fs/cgroup", "cgroup", "cgroup", {access, "nosuid", "noexec", "nodev"}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
      {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", fmt::format("size={}", config.shm_size)}},
  };
}

oci::Mount bind_mount(const std::string& source, const std::string& target, const std::string& propagation,
                      bool read_only) {
  return {target, "bind", source, {"rbind", propagation, read_only ? "ro" : "rw"}};
}

oci::Mount tmpfs(const Mount& mount) {
  oci::Mount out = {mount.target, "tmpfs", "tmpfs", {"nosuid", "nodev", "noexec"}};
  for (const std::string_view option : split(mount.tmpfs_options, ','))
    if (!option.empty()) out.options.emplace_back(option);
  if (mount.read_only) out.options.emplace_back("ro");
  return out;
}

// Parents before children, so that no mount hides another one.
std::vector<oci::Mount> user_mounts(const SpecInputs& in) {
  std::vector<oci::Mount> out;
  const auto covered = [&](std::string_view target) {
    return std::ranges::any_of(in.config.mounts, [&](const Mount& mount) { return mount.target == target; });
  };
  for (const auto& [source, target] :
       {std::pair{&in.resolv_conf_file, "/etc/resolv.conf"}, std::pair{&in.hostname_file, "/etc/hostname"},
        std::pair{&in.hosts_file, "/etc/hosts"}})
    if (!source->empty() && !covered(target)) out.push_back(bind_mount(*source, target, "rprivate", false));
  for (std::size_t i = 0; i < in.config.mounts.size(); ++i) {
    const Mount& mount = in.config.mounts[i];
    out.push_back(mount.type == Mount::Type::kTmpfs
                      ? tmpfs(mount)
                      : bind_mount(in.mount_sources[i], mount.target, mount.propagation, mount.read_only));
  }
  std::ranges::stable_sort(out, {}, [](const oci::Mount& mount) { return std::ranges::count(mount.destination, '/'); });
  return out;
}

oci::DeviceRule rule(char type, std::optional<std::int64_t> major, std::optional<std::int64_t> minor,
                     std::string access, bool allow = true) {
  return {.allow = allow, .type = type, .major = major, .minor = minor, .access = std::move(access)};
}

std::vector<oci::DeviceRule> device_rules(const Config& config) {
  if (config.privileged) return {rule('a', std::nullopt, std::nullopt, "rwm")};
  return {
      rule('a', std::nullopt, std::nullopt, "rwm", false),
      rule('c', std::nullopt, std::nullopt, "m"),
      rule('b', std::nullopt, std::nullopt, "m"),
      rule('c', 1, 3, "rwm"),               // null
      rule('c', 1, 5, "rwm"),               // zero
      rule('c', 1, 7, "rwm"),               // full
      rule('c', 1, 8, "rwm"),               // random
      rule('c', 1, 9, "rwm"),               // urandom
      rule('c', 5, 0, "rwm"),               // tty
      rule('c', 5, 1, "rwm"),               // console
      rule('c', 5, 2, "rwm"),               // ptmx
      rule('c', 136, std::nullopt, "rwm"),  // pts
  };
}

oci::Resources resources(const Config& config, bool limit_swap) {
  oci::Resources out;
  out.devices = device_rules(config);
  if (config.memory != 0) {
    out.memory.limit = static_cast<std::int64_t>(config.memory);
    if (limit_swap)
      out.memory.swap = config.memory_swap != 0 ? config.memory_swap : static_cast<std::int64_t>(config.memory) * 2;
  }
  if (config.memory_reservation != 0) out.memory.reservation = static_cast<std::int64_t>(config.memory_reservation);
  if (config.nano_cpus != 0) {
    out.cpu.period = kCpuPeriod;
    out.cpu.quota = config.nano_cpus * static_cast<std::int64_t>(kCpuPeriod) / 1'000'000'000;
  }
  if (config.cpu_shares != 0) out.cpu.shares = static_cast<std::uint64_t>(config.cpu_shares);
  out.cpu.cpus = config.cpuset_cpus;
  if (config.pids_limit > 0) out.pids_limit = config.pids_limit;
  return out;
}

// The host's device nodes, for --privileged; what is mounted over anyway is left out.
Result<> add_host_devices(const std::string& directory, std::vector<oci::Device>& out) {
  for (const std::string& name : TRY(sys::list_directory(directory))) {
    const std::string path = directory + "/" + name;
    if (path == "/dev/pts" || path == "/dev/shm" || path == "/dev/mqueue" || path == "/dev/fd" ||
        path == "/dev/console")
      continue;
    const Result<struct stat> status = sys::lstat_path(path);
    if (!status) continue;  // hot-plugged away meanwhile
    if (S_ISDIR(status->st_mode)) {
      TRY(add_host_devices(path, out));
    } else if (S_ISCHR(status->st_mode) || S_ISBLK(status->st_mode)) {
      out.push_back({.path = path,
                     .type = S_ISCHR(status->st_mode) ? 'c' : 'b',
                     .major = ::major(status->st_rdev),
                     .minor = ::minor(status->st_rdev),
                     .file_mode = status->st_mode & 07777,
                     .uid = status->st_uid,
                     .gid = status->st_gid});
    }
  }
  return {};
}

// As execve(2) would do it: a user that is not root starts with none of them.
oci::Capabilities capability_sets(const std::vector<std::string>& names, const RootfsUser& user) {
  oci::Capabilities out;
  out.bounding = names;
  if (user.uid == 0) {
    out.effective = names;
    out.permitted = names;
  }
  return out;
}

oci::User spec_user(const RootfsUser& user) {
  return {.uid = user.uid, .gid = user.gid, .additional_gids = {user.groups.begin(), user.groups.end()}};
}

void set_variable(std::vector<std::string>& env, const std::string& assignment, bool replace) {
  const std::string_view name = std::string_view(assignment).substr(0, assignment.find('=') + 1);
  const auto same = std::ranges::find_if(env, [&](const std::string& v) { return v.starts_with(name); });
  if (same == env.end())
    env.push_back(assignment);
  else if (replace)
    *same = assignment;
}

}  // namespace

std::string container_hostname(const std::string& id, const Config& config) {
  return config.hostname.empty() ? id.substr(0, 12) : config.hostname;
}

std::vector<std::string> process_env(const Config& config, const std::string& id, bool terminal,
                                     const std::vector<std::string>& extra, const std::string& home) {
  std::vector<std::string> out = {std::string(kDefaultPath), "HOSTNAME=" + container_hostname(id, config)};
  if (terminal) out.emplace_back("TERM=xterm");
  for (const std::vector<std::string>* list : {&config.env, &extra})
    for (const std::string& variable : *list)
      if (variable.find('=') != std::string::npos) set_variable(out, variable, true);
  set_variable(out, "HOME=" + home, false);
  return out;
}

Result<oci::RuntimeSpec> make_spec(const SpecInputs& in) {
  const Config& config = in.config;
  oci::RuntimeSpec spec;
  oci::Process& process = spec.process;
  process.terminal = config.tty;
  process.user = spec_user(in.user);
  if (config.entrypoint) process.args = *config.entrypoint;
  process.args.insert(process.args.end(), config.cmd.begin(), config.cmd.end());
  process.env = process_env(config, in.id, config.tty, {}, in.user.home);
  process.cwd = config.working_dir.empty() ? "/" : config.working_dir;
  process.capabilities = capability_sets(TRY(effective_capabilities(config)), in.user);
  process.no_new_privileges = has_option(config, "no-new-privileges");

  spec.root.readonly = config.read_only;
  spec.hostname = container_hostname(in.id, config);
  spec.domainname = config.domainname;
  spec.mounts = system_mounts(config);
  // A mount of the user's in the place of one of ours replaces it.
  std::erase_if(spec.mounts, [&](const oci::Mount& mount) {
    return std::ranges::any_of(config.mounts, [&](const Mount& own) { return own.target == mount.destination; });
  });
  std::ranges::move(user_mounts(in), std::back_inserter(spec.mounts));

  oci::LinuxPart& linux_part = spec.linux_part;
  linux_part.namespaces = namespaces(in);
  linux_part.cgroups_path = in.cgroup;
  linux_part.resources = resources(config, in.limit_swap);
  if (config.privileged) {
    TRY(add_host_devices("/dev", linux_part.devices));
  } else {
    linux_part.masked_paths.assign(kMaskedPaths.begin(), kMaskedPaths.end());
    linux_part.readonly_paths.assign(kReadonlyPaths.begin(), kReadonlyPaths.end());
  }
  if (has_own_network(config)) {
    // Nobody else's ports are in there: any user may listen on any, and ping.
    linux_part.sysctl["net.ipv4.ip_unprivileged_port_start"] = "0";
    linux_part.sysctl["net.ipv4.ping_group_range"] = "0 2147483647";
  }
  return spec;
}

Result<oci::Process> make_exec_process(const std::string& id, const Config& config, const ExecRequest& request) {
  oci::Process process;
  process.terminal = request.tty;
  process.user = spec_user(request.user);
  process.args = request.arguments;
  process.env = process_env(config, id, request.tty, request.env, request.user.home);
  process.cwd = !request.working_dir.empty()  ? request.working_dir
                : !config.working_dir.empty() ? config.working_dir
                                              : "/";
  Config policy = config;
  policy.privileged = config.privileged || request.privileged;
  process.capabilities = capability_sets(TRY(effective_capabilities(policy)), request.user);
  process.no_new_privileges = has_option(config, "no-new-privileges");
  return process;
}

}  // namespace strata::containers
