#include "base/json_fields.h"
#include "oci/runtime_spec.h"
#include "oci/runtime_spec_names.h"

namespace strata::oci {
namespace {

void read_rlimit(JsonFields& in, Rlimit& limit) { in("type", limit.type)("soft", limit.soft)("hard", limit.hard); }

void read_user(JsonFields& in, User& user) {
  in("uid", user.uid)("gid", user.gid)("umask", user.umask)("additionalGids", user.additional_gids);
}

void read_capabilities(JsonFields& in, Capabilities& sets) {
  in("bounding", sets.bounding)("effective", sets.effective)("inheritable", sets.inheritable);
  in("permitted", sets.permitted)("ambient", sets.ambient);
}

void read_process(JsonFields& in, Process& process) {
  in("terminal", process.terminal);
  in.object("consoleSize", [&](JsonFields& size) {
    process.console_size.emplace();
    size("height", process.console_size->height)("width", process.console_size->width);
  });
  in.object("user", [&](JsonFields& user) { read_user(user, process.user); });
  in("args", process.args)("env", process.env)("cwd", process.cwd);
  in.object("capabilities", [&](JsonFields& sets) { read_capabilities(sets, process.capabilities); });
  in.list("rlimits", process.rlimits, read_rlimit);
  in("noNewPrivileges", process.no_new_privileges)("oomScoreAdj", process.oom_score_adj);
}

void read_mount(JsonFields& in, Mount& mount) {
  in("destination", mount.destination)("type", mount.type)("source", mount.source)("options", mount.options);
}

void read_namespace(JsonFields& in, Namespace& space) {
  std::string type;
  in("type", type)("path", space.path);
  for (const auto& [name, value] : kNamespaceNames)
    if (name == type) {
      space.type = value;
      return;
    }
  in.fail(error(ErrorKind::kCorrupt, "unknown namespace type {:?}", type));
}

void read_id_mapping(JsonFields& in, IdMapping& mapping) {
  in("containerID", mapping.container_id)("hostID", mapping.host_id)("size", mapping.size);
}

void read_device_type(JsonFields& in, std::string_view allowed, char& out) {
  std::string type(1, out);
  in("type", type);
  if (type.size() != 1 || allowed.find(type[0]) == std::string_view::npos)
    return in.fail(error(ErrorKind::kCorrupt, "unknown device type {:?}", type));
  out = type[0];
}

void read_device(JsonFields& in, Device& device) {
  read_device_type(in, "cbup", device.type);
  in("path", device.path)("major", device.major)("minor", device.minor);
  in("fileMode", device.file_mode)("uid", device.uid)("gid", device.gid);
}

void read_device_rule(JsonFields& in, DeviceRule& rule) {
  read_device_type(in, "acb", rule.type);
  in("allow", rule.allow)("major", rule.major)("minor", rule.minor)("access", rule.access);
}

void read_throttle(JsonFields& in, ThrottledDevice& device) {
  in("major", device.major)("minor", device.minor)("rate", device.rate);
}

void read_memory(JsonFields& in, MemoryLimits& memory) {
  in("limit", memory.limit)("reservation", memory.reservation)("swap", memory.swap);
  in("swappiness", memory.swappiness)("disableOOMKiller", memory.disable_oom_killer);
}

void read_cpu(JsonFields& in, CpuLimits& cpu) {
  in("shares", cpu.shares)("period", cpu.period)("burst", cpu.burst)("quota", cpu.quota)("idle", cpu.idle);
  in("realtimePeriod", cpu.realtime_period)("realtimeRuntime", cpu.realtime_runtime);
  in("cpus", cpu.cpus)("mems", cpu.mems);
}

void read_block_io(JsonFields& in, BlockIoLimits& block) {
  in("weight", block.weight);
  in.list("throttleReadBpsDevice", block.read_bps, read_throttle);
  in.list("throttleWriteBpsDevice", block.write_bps, read_throttle);
  in.list("throttleReadIOPSDevice", block.read_iops, read_throttle);
  in.list("throttleWriteIOPSDevice", block.write_iops, read_throttle);
}

void read_resources(JsonFields& in, Resources& resources) {
  in.list("devices", resources.devices, read_device_rule);
  in.object("memory", [&](JsonFields& memory) { read_memory(memory, resources.memory); });
  in.object("cpu", [&](JsonFields& cpu) { read_cpu(cpu, resources.cpu); });
  in.object("pids", [&](JsonFields& pids) { pids("limit", resources.pids_limit); });
  in.object("blockIO", [&](JsonFields& block) { read_block_io(block, resources.block_io); });
  in("unified", resources.unified);
}

void read_seccomp_arg(JsonFields& in, SeccompArg& arg) {
  in("index", arg.index)("value", arg.value)("valueTwo", arg.value_two)("op", arg.op);
}

void read_seccomp_syscalls(JsonFields& in, SeccompSyscalls& rule) {
  in("names", rule.names)("action", rule.action)("errnoRet", rule.errno_ret);
  in.list("args", rule.args, read_seccomp_arg);
}

void read_seccomp(JsonFields& in, Seccomp& seccomp) {
  in("defaultAction", seccomp.default_action)("defaultErrnoRet", seccomp.default_errno_ret);
  in("architectures", seccomp.architectures)("flags", seccomp.flags);
  in.list("syscalls", seccomp.syscalls, read_seccomp_syscalls);
}

void read_linux(JsonFields& in, LinuxPart& part) {
  in.list("namespaces", part.namespaces, read_namespace);
  in.list("uidMappings", part.uid_mappings, read_id_mapping);
  in.list("gidMappings", part.gid_mappings, read_id_mapping);
  in.list("devices", part.devices, read_device);
  in.object("resources", [&](JsonFields& resources) { read_resources(resources, part.resources); });
  in.object("seccomp", [&](JsonFields& seccomp) { read_seccomp(seccomp, part.seccomp.emplace()); });
  in("cgroupsPath", part.cgroups_path)("sysctl", part.sysctl);
  in("rootfsPropagation", part.rootfs_propagation);
  in("maskedPaths", part.masked_paths)("readonlyPaths", part.readonly_paths);
}

}  // namespace

Result<RuntimeSpec> parse_runtime_spec(std::string_view config_json) {
  RuntimeSpec spec;
  spec.version.clear();
  TRY(read_json_object(config_json,
                       [&](JsonFields& in) {
                         in("ociVersion", spec.version);
                         in.object("process", [&](JsonFields& process) { read_process(process, spec.process); });
                         in.object("root", [&](JsonFields& root) {
                           root("path", spec.root.path)("readonly", spec.root.readonly);
                         });
                         in("hostname", spec.hostname)("domainname", spec.domainname)("annotations", spec.annotations);
                         in.list("mounts", spec.mounts, read_mount);
                         in.object("linux", [&](JsonFields& part) { read_linux(part, spec.linux_part); });
                       }),
      "runtime spec");
  return spec;
}

Result<Process> parse_process(std::string_view process_json) {
  Process process;
  TRY(read_json_object(process_json, [&](JsonFields& in) { read_process(in, process); }), "process");
  return process;
}

}  // namespace strata::oci
