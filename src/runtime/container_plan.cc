#include "runtime/container_plan.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "sys/file.h"
#include "sys/special_file.h"

namespace strata::runtime {
namespace {

int clone_flag(oci::NamespaceType type) {
  switch (type) {
    case oci::NamespaceType::kPid:
      return CLONE_NEWPID;
    case oci::NamespaceType::kNetwork:
      return CLONE_NEWNET;
    case oci::NamespaceType::kMount:
      return CLONE_NEWNS;
    case oci::NamespaceType::kIpc:
      return CLONE_NEWIPC;
    case oci::NamespaceType::kUts:
      return CLONE_NEWUTS;
    case oci::NamespaceType::kUser:
      return CLONE_NEWUSER;
    case oci::NamespaceType::kCgroup:
      return CLONE_NEWCGROUP;
    case oci::NamespaceType::kTime:
      return 0x80;  // CLONE_NEWTIME
  }
  return 0;
}

Result<> plan_namespaces(ContainerPlan& plan) {
  std::uint64_t seen = 0;
  for (const oci::Namespace& ns : plan.spec.linux_part.namespaces) {
    const int flag = clone_flag(ns.type);
    if ((seen & static_cast<std::uint64_t>(flag)) != 0)
      return error(ErrorKind::kInvalidArgument, "a type of namespace is asked for twice");
    seen |= static_cast<std::uint64_t>(flag);
    if (ns.type == oci::NamespaceType::kUser || ns.type == oci::NamespaceType::kTime)
      return error(ErrorKind::kUnsupported, "user and time namespaces are not supported yet");
    if (ns.path.empty()) {
      if (ns.type == oci::NamespaceType::kCgroup)
        plan.new_cgroup_namespace = true;
      else
        plan.new_namespaces |= static_cast<std::uint64_t>(flag);
      continue;
    }
    if (ns.type == oci::NamespaceType::kMount)
      return error(ErrorKind::kUnsupported, "a container needs a mount namespace of its own");
    sys::UniqueFd fd = TRY(sys::open_file(ns.path, O_RDONLY), "namespace");
    if (ns.type == oci::NamespaceType::kPid)
      plan.joined_pid = std::move(fd);
    else
      plan.joined.push_back({flag, std::move(fd)});
  }
  if (!plan.is_new(CLONE_NEWNS))
    return error(ErrorKind::kInvalidArgument, "a container needs a mount namespace of its own");
  const oci::RuntimeSpec& spec = plan.spec;
  if ((!spec.hostname.empty() || !spec.domainname.empty()) && !plan.is_new(CLONE_NEWUTS))
    return error(ErrorKind::kInvalidArgument, "a host name needs a UTS namespace of its own");
  for (const auto& [name, value] : spec.linux_part.sysctl) TRY(sysctl_path(plan, name));
  return {};
}

// runc's AllowedDevices: what the default nodes and terminals are.
void add_standard_devices(std::vector<sys::CgroupDeviceRule>& rules) {
  const auto allow = [&](std::int64_t major, std::optional<std::int64_t> minor) {
    rules.push_back({.allow = true, .type = 'c', .major = major, .minor = minor});
  };
  rules.push_back({.allow = true, .type = 'c', .read = false, .write = false});
  rules.push_back({.allow = true, .type = 'b', .read = false, .write = false});
  for (const std::int64_t minor : {3 /*null*/, 5 /*zero*/, 7 /*full*/, 8 /*random*/, 9 /*urandom*/}) allow(1, minor);
  for (const std::int64_t minor : {0 /*tty*/, 2 /*ptmx*/}) allow(5, minor);
  allow(136, std::nullopt);  // pts
}

bool same(const sys::CgroupDeviceRule& a, const sys::CgroupDeviceRule& b) {
  return a.allow == b.allow && a.type == b.type && a.major == b.major && a.minor == b.minor && a.read == b.read &&
         a.write == b.write && a.mknod == b.mknod;
}

bool allows_everything(const std::vector<oci::DeviceRule>& rules) {
  return rules.empty() ||
         (rules.size() == 1 && rules[0].allow && rules[0].type == 'a' && !rules[0].major && !rules[0].minor);
}

std::vector<sys::CgroupThrottle> throttles(const std::vector<oci::ThrottledDevice>& devices) {
  std::vector<sys::CgroupThrottle> result;
  for (const oci::ThrottledDevice& device : devices) result.push_back({device.major, device.minor, device.rate});
  return result;
}

// Of the OCI spec, and what Docker's users may set per container.
constexpr std::array<std::string_view, 8> kIpcSysctls = {"kernel.msgmax", "kernel.msgmnb",         "kernel.msgmni",
                                                         "kernel.sem",    "kernel.shmall",         "kernel.shmmax",
                                                         "kernel.shmmni", "kernel.shm_rmid_forced"};

}  // namespace

Result<std::string> sysctl_path(const ContainerPlan& plan, const std::string& name) {
  // "net.ipv4.conf.eth0/100.forwarding": dots separate, unless a slash comes first; then it is the
  // other way.
  std::string dotted = name;
  const auto first = dotted.find_first_of("./");
  const auto exchange = [](std::string& text) {
    for (char& c : text) c = c == '.' ? '/' : c == '/' ? '.' : c;
  };
  if (first != std::string::npos && dotted[first] == '/') exchange(dotted);
  const bool has_own_net = plan.is_new(CLONE_NEWNET) || std::ranges::any_of(plan.joined, [](const JoinedNamespace& ns) {
                             return ns.flag == CLONE_NEWNET;
                           });
  const bool own = (dotted.starts_with("net.") && has_own_net) ||
                   ((dotted.starts_with("fs.mqueue.") || std::ranges::find(kIpcSysctls, dotted) != kIpcSysctls.end()) &&
                    plan.is_new(CLONE_NEWIPC)) ||
                   (dotted == "kernel.domainname" && plan.is_new(CLONE_NEWUTS));
  std::string path = dotted;
  exchange(path);
  if (!own || (path + "/").find("/../") != std::string::npos)
    return error(ErrorKind::kInvalidArgument, "sysctl {:?} is not in a separate kernel namespace", name);
  return path;
}

Result<sys::CgroupLimits> planned_limits(const oci::Resources& resources) {
  sys::CgroupLimits limits;
  limits.memory = resources.memory.limit;
  limits.memory_reservation = resources.memory.reservation;
  limits.memory_and_swap = resources.memory.swap;
  limits.swappiness = resources.memory.swappiness;
  limits.disable_oom_killer = resources.memory.disable_oom_killer.value_or(false);
  limits.cpu_shares = resources.cpu.shares;
  limits.cpu_period = resources.cpu.period;
  limits.cpu_quota = resources.cpu.quota;
  limits.cpus = resources.cpu.cpus;
  limits.mems = resources.cpu.mems;
  limits.pids = resources.pids_limit;
  limits.block_weight = resources.block_io.weight;
  limits.read_bps = throttles(resources.block_io.read_bps);
  limits.write_bps = throttles(resources.block_io.write_bps);
  limits.read_iops = throttles(resources.block_io.read_iops);
  limits.write_iops = throttles(resources.block_io.write_iops);
  limits.unified = resources.unified;
  if (resources.cpu.burst || resources.cpu.idle || resources.cpu.realtime_period || resources.cpu.realtime_runtime)
    return error(ErrorKind::kUnsupported, "cpu burst, idle and real-time limits are not supported yet");
  if (allows_everything(resources.devices)) return limits;
  for (const oci::DeviceRule& rule : resources.devices) {
    sys::CgroupDeviceRule translated{.allow = rule.allow, .type = rule.type, .major = rule.major, .minor = rule.minor};
    // Absent in the spec, -1 in the field: both are "all".
    if (translated.major && *translated.major < 0) translated.major.reset();
    if (translated.minor && *translated.minor < 0) translated.minor.reset();
    translated.read = rule.access.find('r') != std::string::npos;
    translated.write = rule.access.find('w') != std::string::npos;
    translated.mknod = rule.access.find('m') != std::string::npos;
    limits.devices.push_back(translated);
  }
  std::vector<sys::CgroupDeviceRule> standard;
  add_standard_devices(standard);
  for (const sys::CgroupDeviceRule& rule : standard)
    if (std::ranges::none_of(limits.devices, [&](const auto& there) { return same(rule, there); }))
      limits.devices.push_back(rule);
  return limits;
}

Result<ContainerPlan> plan_container(const CreateOptions& options) {
  ContainerPlan plan{
      .spec = options.spec,
      .process = TRY(plan_process(options.spec.process, options.seccomp, options.spec.linux_part.seccomp)),
      .rootfs_mount = options.rootfs_mount};
  plan.process.create_working_directory = true;
  TRY(plan_namespaces(plan));
  const std::string& propagation = options.spec.linux_part.rootfs_propagation;
  plan.root_propagation = propagation.empty() ? Propagation{MS_SLAVE, true} : TRY(parse_propagation(propagation));
  for (const oci::Mount& mount : options.spec.mounts) {
    if (!mount.destination.starts_with('/'))
      return error(ErrorKind::kInvalidArgument, "mount destination {:?} is not absolute", mount.destination);
    plan.mounts.push_back({mount, TRY(parse_mount_options(mount), "mount {}", mount.destination)});
  }
  if (options.rootfs_mount < 0 && options.spec.root.path.empty())
    return error(ErrorKind::kInvalidArgument, "the container has no root file system");
  plan.null = TRY(sys::open_file("/dev/null", O_RDWR));
  if (!TRY(sys::is_character_device(plan.null.get(), 1, 3)))
    return error(ErrorKind::kPermissionDenied, "the host's /dev/null is something else");
  return plan;
}

}  // namespace strata::runtime
