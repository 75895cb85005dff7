#include "oci/runtime_spec.h"

#include <array>
#include <limits>
#include <utility>

#include "base/json.h"

namespace strata::oci {
namespace {

constexpr std::array<std::pair<std::string_view, NamespaceType>, 8> kNamespaces = {{
    {"pid", NamespaceType::kPid},
    {"network", NamespaceType::kNetwork},
    {"mount", NamespaceType::kMount},
    {"ipc", NamespaceType::kIpc},
    {"uts", NamespaceType::kUts},
    {"user", NamespaceType::kUser},
    {"cgroup", NamespaceType::kCgroup},
    {"time", NamespaceType::kTime},
}};

const json kNothing = json::object();

// ---- reading

// The member object, or an empty one.
Result<const json*> object_member(const json& object, std::string_view name) {
  const json* member = find(object, name);
  if (member == nullptr) return &kNothing;
  if (!member->is_object()) return error(ErrorKind::kCorrupt, "{:?} is not an object", name);
  return member;
}

Result<std::vector<json>> array_member(const json& object, std::string_view name) {
  const json* member = find(object, name);
  if (member == nullptr) return std::vector<json>{};
  if (!member->is_array()) return error(ErrorKind::kCorrupt, "{:?} is not an array", name);
  return std::vector<json>(member->begin(), member->end());
}

// A number that fits T; unset when absent.
template <class T>
Result<std::optional<T>> number_member(const json& object, std::string_view name) {
  const json* member = find(object, name);
  if (member == nullptr) return std::optional<T>{};
  if (member->is_number_unsigned() && std::in_range<T>(member->get<std::uint64_t>()))
    return std::optional<T>{static_cast<T>(member->get<std::uint64_t>())};
  if (member->is_number_integer() && !member->is_number_unsigned() &&
      std::in_range<T>(member->get<std::int64_t>()))
    return std::optional<T>{static_cast<T>(member->get<std::int64_t>())};
  return error(ErrorKind::kCorrupt, "{:?} is not a number in range", name);
}

template <class T>
Result<T> number_member(const json& object, std::string_view name, T fallback) {
  return TRY(number_member<T>(object, name)).value_or(fallback);
}

Result<std::map<std::string, std::string>> map_member(const json& object, std::string_view name) {
  std::map<std::string, std::string> result;
  const json* member = TRY(object_member(object, name));
  for (const auto& [key, value] : member->items()) {
    if (!value.is_string())
      return error(ErrorKind::kCorrupt, "{:?} of {:?} is not text", key, name);
    result[key] = value.get<std::string>();
  }
  return result;
}

template <class T, class Read>
Result<std::vector<T>> list_member(const json& object, std::string_view name, Read read) {
  std::vector<T> result;
  const std::vector<json> members = TRY(array_member(object, name));
  for (std::size_t i = 0; i < members.size(); ++i)
    result.push_back(TRY(read(members[i]), "{}[{}]", name, i));
  return result;
}

Result<Rlimit> read_rlimit(const json& object) {
  Rlimit limit;
  limit.type = TRY(string_member(object, "type"));
  limit.soft = TRY(number_member<std::uint64_t>(object, "soft", 0));
  limit.hard = TRY(number_member<std::uint64_t>(object, "hard", 0));
  return limit;
}

Result<User> read_user(const json& object) {
  User user;
  user.uid = TRY(number_member<std::uint32_t>(object, "uid", 0));
  user.gid = TRY(number_member<std::uint32_t>(object, "gid", 0));
  user.umask = TRY(number_member<std::uint32_t>(object, "umask"));
  for (const json& gid : TRY(array_member(object, "additionalGids"))) {
    if (!gid.is_number_unsigned() ||
        gid.get<std::uint64_t>() > std::numeric_limits<std::uint32_t>::max())
      return error(ErrorKind::kCorrupt, "\"additionalGids\" holds something else than group ids");
    user.additional_gids.push_back(gid.get<std::uint32_t>());
  }
  return user;
}

Result<Capabilities> read_capabilities(const json& object) {
  Capabilities sets;
  sets.bounding = TRY(strings_member(object, "bounding"));
  sets.effective = TRY(strings_member(object, "effective"));
  sets.inheritable = TRY(strings_member(object, "inheritable"));
  sets.permitted = TRY(strings_member(object, "permitted"));
  sets.ambient = TRY(strings_member(object, "ambient"));
  return sets;
}

Result<Process> read_process(const json& object) {
  Process process;
  process.terminal = TRY(bool_member(object, "terminal"));
  if (const json* size = find(object, "consoleSize")) {
    process.console_size.emplace();
    process.console_size->height = TRY(number_member<std::uint16_t>(*size, "height", 0));
    process.console_size->width = TRY(number_member<std::uint16_t>(*size, "width", 0));
  }
  process.user = TRY(read_user(*TRY(object_member(object, "user"))), "user");
  process.args = TRY(strings_member(object, "args"));
  process.env = TRY(strings_member(object, "env"));
  process.cwd = TRY(string_member(object, "cwd", "/"));
  process.capabilities =
      TRY(read_capabilities(*TRY(object_member(object, "capabilities"))), "capabilities");
  process.rlimits = TRY(list_member<Rlimit>(object, "rlimits", read_rlimit));
  process.no_new_privileges = TRY(bool_member(object, "noNewPrivileges"));
  process.oom_score_adj = TRY(number_member<int>(object, "oomScoreAdj"));
  return process;
}

Result<Mount> read_mount(const json& object) {
  Mount mount;
  mount.destination = TRY(string_member(object, "destination"));
  mount.type = TRY(string_member(object, "type"));
  mount.source = TRY(string_member(object, "source"));
  mount.options = TRY(strings_member(object, "options"));
  return mount;
}

Result<Namespace> read_namespace(const json& object) {
  const std::string type = TRY(string_member(object, "type"));
  for (const auto& [name, value] : kNamespaces)
    if (name == type) return Namespace{value, TRY(string_member(object, "path"))};
  return error(ErrorKind::kCorrupt, "unknown namespace type {:?}", type);
}

Result<IdMapping> read_id_mapping(const json& object) {
  IdMapping mapping;
  mapping.container_id = TRY(number_member<std::uint32_t>(object, "containerID", 0));
  mapping.host_id = TRY(number_member<std::uint32_t>(object, "hostID", 0));
  mapping.size = TRY(number_member<std::uint32_t>(object, "size", 0));
  return mapping;
}

Result<char> device_type(const json& object, std::string_view allowed, char fallback) {
  const std::string type = TRY(string_member(object, "type", std::string(1, fallback)));
  if (type.size() != 1 || allowed.find(type[0]) == std::string_view::npos)
    return error(ErrorKind::kCorrupt, "unknown device type {:?}", type);
  return type[0];
}

Result<Device> read_device(const json& object) {
  Device device;
  device.path = TRY(string_member(object, "path"));
  device.type = TRY(device_type(object, "cbup", 'c'));
  device.major = TRY(number_member<std::int64_t>(object, "major", 0));
  device.minor = TRY(number_member<std::int64_t>(object, "minor", 0));
  device.file_mode = TRY(number_member<std::uint32_t>(object, "fileMode"));
  device.uid = TRY(number_member<std::uint32_t>(object, "uid", 0));
  device.gid = TRY(number_member<std::uint32_t>(object, "gid", 0));
  return device;
}

Result<DeviceRule> read_device_rule(const json& object) {
  DeviceRule rule;
  rule.allow = TRY(bool_member(object, "allow"));
  rule.type = TRY(device_type(object, "acb", 'a'));
  rule.major = TRY(number_member<std::int64_t>(object, "major"));
  rule.minor = TRY(number_member<std::int64_t>(object, "minor"));
  rule.access = TRY(string_member(object, "access", "rwm"));
  return rule;
}

Result<ThrottledDevice> read_throttle(const json& object) {
  ThrottledDevice device;
  device.major = TRY(number_member<std::int64_t>(object, "major", 0));
  device.minor = TRY(number_member<std::int64_t>(object, "minor", 0));
  device.rate = TRY(number_member<std::uint64_t>(object, "rate", 0));
  return device;
}

Result<Resources> read_resources(const json& object) {
  Resources resources;
  resources.devices = TRY(list_member<DeviceRule>(object, "devices", read_device_rule));
  const json& memory = *TRY(object_member(object, "memory"));
  resources.memory.limit = TRY(number_member<std::int64_t>(memory, "limit"));
  resources.memory.reservation = TRY(number_member<std::int64_t>(memory, "reservation"));
  resources.memory.swap = TRY(number_member<std::int64_t>(memory, "swap"));
  resources.memory.swappiness = TRY(number_member<std::uint64_t>(memory, "swappiness"));
  if (find(memory, "disableOOMKiller") != nullptr)
    resources.memory.disable_oom_killer = TRY(bool_member(memory, "disableOOMKiller"));
  const json& cpu = *TRY(object_member(object, "cpu"));
  resources.cpu.shares = TRY(number_member<std::uint64_t>(cpu, "shares"));
  resources.cpu.period = TRY(number_member<std::uint64_t>(cpu, "period"));
  resources.cpu.burst = TRY(number_member<std::uint64_t>(cpu, "burst"));
  resources.cpu.quota = TRY(number_member<std::int64_t>(cpu, "quota"));
  resources.cpu.idle = TRY(number_member<std::int64_t>(cpu, "idle"));
  resources.cpu.realtime_period = TRY(number_member<std::uint64_t>(cpu, "realtimePeriod"));
  resources.cpu.realtime_runtime = TRY(number_member<std::int64_t>(cpu, "realtimeRuntime"));
  resources.cpu.cpus = TRY(string_member(cpu, "cpus"));
  resources.cpu.mems = TRY(string_member(cpu, "mems"));
  resources.pids_limit =
      TRY(number_member<std::int64_t>(*TRY(object_member(object, "pids")), "limit"));
  const json& block = *TRY(object_member(object, "blockIO"));
  resources.block_io.weight = TRY(number_member<std::uint16_t>(block, "weight"));
  resources.block_io.read_bps =
      TRY(list_member<ThrottledDevice>(block, "throttleReadBpsDevice", read_throttle));
  resources.block_io.write_bps =
      TRY(list_member<ThrottledDevice>(block, "throttleWriteBpsDevice", read_throttle));
  resources.block_io.read_iops =
      TRY(list_member<ThrottledDevice>(block, "throttleReadIOPSDevice", read_throttle));
  resources.block_io.write_iops =
      TRY(list_member<ThrottledDevice>(block, "throttleWriteIOPSDevice", read_throttle));
  resources.unified = TRY(map_member(object, "unified"));
  return resources;
}

Result<SeccompArg> read_seccomp_arg(const json& object) {
  SeccompArg arg;
  arg.index = TRY(number_member<std::uint32_t>(object, "index", 0));
  arg.value = TRY(number_member<std::uint64_t>(object, "value", 0));
  arg.value_two = TRY(number_member<std::uint64_t>(object, "valueTwo", 0));
  arg.op = TRY(string_member(object, "op"));
  return arg;
}

Result<SeccompSyscalls> read_seccomp_syscalls(const json& object) {
  SeccompSyscalls rule;
  rule.names = TRY(strings_member(object, "names"));
  rule.action = TRY(string_member(object, "action"));
  rule.errno_ret = TRY(number_member<std::uint32_t>(object, "errnoRet"));
  rule.args = TRY(list_member<SeccompArg>(object, "args", read_seccomp_arg));
  return rule;
}

Result<Seccomp> read_seccomp(const json& object) {
  Seccomp seccomp;
  seccomp.default_action = TRY(string_member(object, "defaultAction"));
  seccomp.default_errno_ret = TRY(number_member<std::uint32_t>(object, "defaultErrnoRet"));
  seccomp.architectures = TRY(strings_member(object, "architectures"));
  seccomp.flags = TRY(strings_member(object, "flags"));
  seccomp.syscalls = TRY(list_member<SeccompSyscalls>(object, "syscalls", read_seccomp_syscalls));
  return seccomp;
}

Result<LinuxPart> read_linux(const json& object) {
  LinuxPart part;
  part.namespaces = TRY(list_member<Namespace>(object, "namespaces", read_namespace));
  part.uid_mappings = TRY(list_member<IdMapping>(object, "uidMappings", read_id_mapping));
  part.gid_mappings = TRY(list_member<IdMapping>(object, "gidMappings", read_id_mapping));
  part.devices = TRY(list_member<Device>(object, "devices", read_device));
  part.cgroups_path = TRY(string_member(object, "cgroupsPath"));
  part.resources = TRY(read_resources(*TRY(object_member(object, "resources"))), "resources");
  part.sysctl = TRY(map_member(object, "sysctl"));
  if (const json* seccomp = find(object, "seccomp"))
    part.seccomp = TRY(read_seccomp(*seccomp), "seccomp");
  part.rootfs_propagation = TRY(string_member(object, "rootfsPropagation"));
  part.masked_paths = TRY(strings_member(object, "maskedPaths"));
  part.readonly_paths = TRY(strings_member(object, "readonlyPaths"));
  return part;
}

// ---- writing: what is unset is left out

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
    json["consoleSize"] = {{"height", process.console_size->height},
                           {"width", process.console_size->width}};
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
  put_list(json, "rlimits", process.rlimits, [](const Rlimit& limit) {
    return Json{{"type", limit.type}, {"hard", limit.hard}, {"soft", limit.soft}};
  });
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
    for (const auto& [name, type] : kNamespaces)
      if (type == ns.type) one["type"] = name;
    put(one, "path", ns.path);
    return one;
  });
  put_list(json, "devices", part.devices, [](const Device& device) {
    Json one = {{"path", device.path},
                {"type", std::string(1, device.type)},
                {"major", device.major},
                {"minor", device.minor}};
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
std::string dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

Result<RuntimeSpec> parse_runtime_spec(std::string_view config_json) {
  const json document = TRY(parse_json(config_json));
  if (!document.is_object())
    return error(ErrorKind::kCorrupt, "the runtime spec is not a JSON object");
  RuntimeSpec spec;
  spec.version = TRY(string_member(document, "ociVersion"));
  spec.process = TRY(read_process(*TRY(object_member(document, "process"))), "process");
  const json& root = *TRY(object_member(document, "root"));
  spec.root.path = TRY(string_member(root, "path"), "root");
  spec.root.readonly = TRY(bool_member(root, "readonly"), "root");
  spec.hostname = TRY(string_member(document, "hostname"));
  spec.domainname = TRY(string_member(document, "domainname"));
  spec.mounts = TRY(list_member<Mount>(document, "mounts", read_mount));
  spec.linux_part = TRY(read_linux(*TRY(object_member(document, "linux"))), "linux");
  spec.annotations = TRY(map_member(document, "annotations"));
  return spec;
}

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

Result<Process> parse_process(std::string_view process_json) {
  const json document = TRY(parse_json(process_json));
  if (!document.is_object()) return error(ErrorKind::kCorrupt, "the process is not a JSON object");
  return read_process(document);
}

std::string to_json(const Process& process) { return dump(write_process(process)); }

}  // namespace strata::oci
