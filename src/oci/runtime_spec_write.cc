#include "base/json.h"
#include "oci/runtime_spec.h"
#include "oci/runtime_spec_names.h"

// What is unset is left out.
namespace strata::oci {
namespace {

using Json = ordered_json;

void put(Json& object, const char* name, const std::string& value) {
  if (!value.empty()) object[name] = value;
}
void put(Json& object, const char* name, const std::vector<std::string>& value) {
  if (!value.empty()) object[name] = value;
}
void put(Json& object, const char* name, const std::map<std::string, std::string>& value) {
  if (!value.empty()) object[name] = value;
}
template <class T>
void put(Json& object, const char* name, const std::optional<T>& value) {
  if (value) object[name] = *value;
}
void put_object(Json& object, const char* name, Json value) {
  if (!value.empty()) object[name] = std::move(value);
}
template <class T, class Write>
void put_list(Json& object, const char* name, const std::vector<T>& values, Write write) {
  if (values.empty()) return;
  Json list = Json::array();
  for (const T& value : values) list.push_back(write(value));
  object[name] = std::move(list);
}

Json write_process(const Process& process) {
  Json json;
  if (process.terminal) json["terminal"] = true;
  if (process.console_size)
    json["consoleSize"] = {{"height", process.console_size->height}, {"width", process.console_size->width}};
  Json user = {{"uid", process.user.uid}, {"gid", process.user.gid}};
  put(user, "umask", process.user.umask);
  if (!process.user.additional_gids.empty()) user["additionalGids"] = process.user.additional_gids;
  json["user"] = std::move(user);
  put(json, "args", process.args);
  put(json, "env", process.env);
  json["cwd"] = process.cwd;
  Json capabilities = Json::object();
  put(capabilities, "bounding", process.capabilities.bounding);
  put(capabilities, "effective", process.capabilities.effective);
  put(capabilities, "inheritable", process.capabilities.inheritable);
  put(capabilities, "permitted", process.capabilities.permitted);
  put(capabilities, "ambient", process.capabilities.ambient);
  put_object(json, "capabilities", std::move(capabilities));
  put_list(json, "rlimits", process.rlimits,
           [](const Rlimit& limit) { return Json{{"type", limit.type}, {"hard", limit.hard}, {"soft", limit.soft}}; });
  if (process.no_new_privileges) json["noNewPrivileges"] = true;
  put(json, "oomScoreAdj", process.oom_score_adj);
  return json;
}

Json write_mount(const Mount& mount) {
  Json json = {{"destination", mount.destination}};
  put(json, "type", mount.type);
  put(json, "source", mount.source);
  put(json, "options", mount.options);
  return json;
}

Json write_resources(const Resources& resources) {
  Json json = Json::object();
  put_list(json, "devices", resources.devices, [](const DeviceRule& rule) {
    Json one = {{"allow", rule.allow}, {"type", std::string(1, rule.type)}};
    put(one, "major", rule.major);
    put(one, "minor", rule.minor);
    one["access"] = rule.access;
    return one;
  });
  Json memory = Json::object();
  put(memory, "limit", resources.memory.limit);
  put(memory, "reservation", resources.memory.reservation);
  put(memory, "swap", resources.memory.swap);
  put(memory, "swappiness", resources.memory.swappiness);
  put(memory, "disableOOMKiller", resources.memory.disable_oom_killer);
  put_object(json, "memory", std::move(memory));
  Json cpu = Json::object();
  put(cpu, "shares", resources.cpu.shares);
  put(cpu, "quota", resources.cpu.quota);
  put(cpu, "burst", resources.cpu.burst);
  put(cpu, "period", resources.cpu.period);
  put(cpu, "realtimeRuntime", resources.cpu.realtime_runtime);
  put(cpu, "realtimePeriod", resources.cpu.realtime_period);
  put(cpu, "cpus", resources.cpu.cpus);
  put(cpu, "mems", resources.cpu.mems);
  put(cpu, "idle", resources.cpu.idle);
  put_object(json, "cpu", std::move(cpu));
  if (resources.pids_limit) json["pids"] = {{"limit", *resources.pids_limit}};
  Json block = Json::object();
  put(block, "weight", resources.block_io.weight);
  const auto throttle = [](const ThrottledDevice& device) {
    return Json{{"major", device.major}, {"minor", device.minor}, {"rate", device.rate}};
  };
  put_list(block, "throttleReadBpsDevice", resources.block_io.read_bps, throttle);
  put_list(block, "throttleWriteBpsDevice", resources.block_io.write_bps, throttle);
  put_list(block, "throttleReadIOPSDevice", resources.block_io.read_iops, throttle);
  put_list(block, "throttleWriteIOPSDevice", resources.block_io.write_iops, throttle);
  put_object(json, "blockIO", std::move(block));
  put(json, "unified", resources.unified);
  return json;
}

Json write_seccomp(const Seccomp& seccomp) {
  Json json = {{"defaultAction", seccomp.default_action}};
  put(json, "defaultErrnoRet", seccomp.default_errno_ret);
  put(json, "architectures", seccomp.architectures);
  put(json, "flags", seccomp.flags);
  put_list(json, "syscalls", seccomp.syscalls, [](const SeccompSyscalls& rule) {
    Json one = {{"names", rule.names}, {"action", rule.action}};
    put(one, "errnoRet", rule.errno_ret);
    put_list(one, "args", rule.args, [](const SeccompArg& arg) {
      Json test = {{"index", arg.index}, {"value", arg.value}};
      if (arg.value_two != 0) test["valueTwo"] = arg.value_two;
      test["op"] = arg.op;
      return test;
    });
    return one;
  });
  return json;
}

Json write_linux(const LinuxPart& part) {
  Json json = Json::object();
  const auto mapping = [](const IdMapping& map) {
    return Json{{"containerID", map.container_id}, {"hostID", map.host_id}, {"size", map.size}};
  };
  put_list(json, "uidMappings", part.uid_mappings, mapping);
  put_list(json, "gidMappings", part.gid_mappings, mapping);
  put(json, "sysctl", part.sysctl);
  put_object(json, "resources", write_resources(part.resources));
  put(json, "cgroupsPath", part.cgroups_path);
  put_list(json, "namespaces", part.namespaces, [](const Namespace& ns) {
    Json one = Json::object();
    for (const auto& [name, type] : kNamespaceNames)
      if (type == ns.type) one["type"] = name;
    put(one, "path", ns.path);
    return one;
  });
  put_list(json, "devices", part.devices, [](const Device& device) {
    Json one = {
        {"path", device.path}, {"type", std::string(1, device.type)}, {"major", device.major}, {"minor", device.minor}};
    put(one, "fileMode", device.file_mode);
    one["uid"] = device.uid;
    one["gid"] = device.gid;
    return one;
  });
  if (part.seccomp) json["seccomp"] = write_seccomp(*part.seccomp);
  put(json, "rootfsPropagation", part.rootfs_propagation);
  put(json, "maskedPaths", part.masked_paths);
  put(json, "readonlyPaths", part.readonly_paths);
  return json;
}

// Values come from command lines, too: what is not UTF-8 is replaced rather than thrown over.
std::string dump(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string to_json(const RuntimeSpec& spec) {
  Json json = {{"ociVersion", spec.version}};
  json["process"] = write_process(spec.process);
  Json root = {{"path", spec.root.path}};
  if (spec.root.readonly) root["readonly"] = true;
  json["root"] = std::move(root);
  put(json, "hostname", spec.hostname);
  put(json, "domainname", spec.domainname);
  put_list(json, "mounts", spec.mounts, write_mount);
  put(json, "annotations", spec.annotations);
  put_object(json, "linux", write_linux(spec.linux_part));
  return dump(json);
}

std::string to_json(const Process& process) { return dump(write_process(process)); }

}  // namespace strata::oci
