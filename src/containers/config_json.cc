// The record's JSON. Member names are Docker's where Docker has one; only what differs from the default
// is written, so that records stay small and defaults can be told from choices.
#include "base/json.h"
#include "containers/container.h"

namespace strata::containers {
namespace {

// Writes the members that differ from a default Config.
class Writer {
 public:
  explicit Writer(json& out) : out_(out) {}
  template <class T>
  void member(const char* name, const T& value, const T& standard) {
    if (value != standard) out_[name] = value;
  }

 private:
  json& out_;
};

std::string_view type_name(Mount::Type type) {
  switch (type) {
    case Mount::Type::kBind: return "bind";
    case Mount::Type::kVolume: return "volume";
    case Mount::Type::kTmpfs: return "tmpfs";
  }
  return "bind";
}

json mount_to_json(const Mount& mount) {
  json out = {{"Type", type_name(mount.type)}, {"Target", mount.target}};
  const Mount standard;
  Writer writer(out);
  writer.member("Name", mount.name, standard.name);
  writer.member("Source", mount.source, standard.source);
  writer.member("Mode", mount.mode, standard.mode);
  writer.member("Propagation", mount.propagation, standard.propagation);
  writer.member("ReadOnly", mount.read_only, standard.read_only);
  writer.member("Anonymous", mount.anonymous, standard.anonymous);
  writer.member("NoCopy", mount.no_copy, standard.no_copy);
  writer.member("MustExist", mount.must_exist, standard.must_exist);
  writer.member("TmpfsOptions", mount.tmpfs_options, standard.tmpfs_options);
  return out;
}

Result<Mount> mount_from_json(const json& in) {
  Mount mount;
  const std::string type = TRY(string_member(in, "Type"));
  if (type == "bind")
    mount.type = Mount::Type::kBind;
  else if (type == "volume")
    mount.type = Mount::Type::kVolume;
  else if (type == "tmpfs")
    mount.type = Mount::Type::kTmpfs;
  else
    return error(ErrorKind::kCorrupt, "unknown mount type \"{}\"", type);
  mount.name = TRY(string_member(in, "Name"));
  mount.source = TRY(string_member(in, "Source"));
  mount.target = TRY(string_member(in, "Target"));
  mount.mode = TRY(string_member(in, "Mode"));
  mount.propagation = TRY(string_member(in, "Propagation", mount.propagation));
  mount.read_only = TRY(bool_member(in, "ReadOnly"));
  mount.anonymous = TRY(bool_member(in, "Anonymous"));
  mount.no_copy = TRY(bool_member(in, "NoCopy"));
  mount.must_exist = TRY(bool_member(in, "MustExist"));
  mount.tmpfs_options = TRY(string_member(in, "TmpfsOptions"));
  return mount;
}

Result<PublishedPort> port_from_json(const json& in) {
  PublishedPort port;
  port.host_ip = TRY(string_member(in, "HostIp"));
  port.host_port = static_cast<std::uint16_t>(TRY(int_member(in, "HostPort")));
  port.container_port = static_cast<std::uint16_t>(TRY(int_member(in, "Port")));
  port.protocol = TRY(string_member(in, "Protocol", "tcp"));
  return port;
}

Result<std::map<std::string, std::string>> map_member(const json& object, std::string_view name) {
  std::map<std::string, std::string> out;
  const json* member = find(object, name);
  if (member == nullptr) return out;
  if (!member->is_object()) return error(ErrorKind::kCorrupt, "member \"{}\" is no object", name);
  for (const auto& [key, value] : member->items()) {
    if (!value.is_string()) return error(ErrorKind::kCorrupt, "member \"{}.{}\" is no string", name, key);
    out.emplace(key, value.get<std::string>());
  }
  return out;
}

Result<std::span<const json>> array_member(const json& object, std::string_view name) {
  const json* member = find(object, name);
  if (member == nullptr) return std::span<const json>();
  if (!member->is_array()) return error(ErrorKind::kCorrupt, "member \"{}\" is no array", name);
  return std::span<const json>(member->get_ref<const json::array_t&>());
}

}  // namespace

std::string config_to_json(const Config& c) {
  const Config d;
  json out = json::object();
  Writer w(out);
  w.member("Hostname", c.hostname, d.hostname);
  w.member("Domainname", c.domainname, d.domainname);
  w.member("User", c.user, d.user);
  w.member("WorkingDir", c.working_dir, d.working_dir);
  w.member("Env", c.env, d.env);
  if (c.entrypoint) out["Entrypoint"] = *c.entrypoint;
  w.member("Cmd", c.cmd, d.cmd);
  w.member("Labels", c.labels, d.labels);
  w.member("ExposedPorts", c.exposed_ports, d.exposed_ports);
  w.member("StopSignal", c.stop_signal, d.stop_signal);
  if (c.stop_timeout) out["StopTimeout"] = *c.stop_timeout;
  w.member("Tty", c.tty, d.tty);
  w.member("OpenStdin", c.open_stdin, d.open_stdin);
  w.member("StdinOnce", c.stdin_once, d.stdin_once);
  w.member("AttachStdin", c.attach_stdin, d.attach_stdin);
  w.member("AttachStdout", c.attach_stdout, d.attach_stdout);
  w.member("AttachStderr", c.attach_stderr, d.attach_stderr);
  w.member("AutoRemove", c.auto_remove, d.auto_remove);
  w.member("ReadonlyRootfs", c.read_only, d.read_only);
  w.member("Privileged", c.privileged, d.privileged);
  w.member("Init", c.init, d.init);
  w.member("NetworkMode", c.network_mode, d.network_mode);
  for (const PublishedPort& port : c.ports)
    out["PortBindings"].push_back({{"HostIp", port.host_ip},
                                   {"HostPort", port.host_port},
                                   {"Port", port.container_port},
                                   {"Protocol", port.protocol}});
  w.member("PublishAllPorts", c.publish_all, d.publish_all);
  for (const Mount& mount : c.mounts) out["Mounts"].push_back(mount_to_json(mount));
  w.member("CapAdd", c.cap_add, d.cap_add);
  w.member("CapDrop", c.cap_drop, d.cap_drop);
  w.member("SecurityOpt", c.security_opt, d.security_opt);
  w.member("Dns", c.dns, d.dns);
  w.member("DnsSearch", c.dns_search, d.dns_search);
  w.member("DnsOptions", c.dns_options, d.dns_options);
  w.member("ExtraHosts", c.extra_hosts, d.extra_hosts);
  w.member("Memory", c.memory, d.memory);
  w.member("MemorySwap", c.memory_swap, d.memory_swap);
  w.member("MemoryReservation", c.memory_reservation, d.memory_reservation);
  w.member("NanoCpus", c.nano_cpus, d.nano_cpus);
  w.member("CpuShares", c.cpu_shares, d.cpu_shares);
  w.member("CpusetCpus", c.cpuset_cpus, d.cpuset_cpus);
  w.member("PidsLimit", c.pids_limit, d.pids_limit);
  w.member("ShmSize", c.shm_size, d.shm_size);
  w.member("LogOptions", c.log_options, d.log_options);
  // Bytes that are not UTF-8 (an environment variable may hold any) cannot be in JSON.
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<Config> config_from_json(std::string_view text) {
  const json in = TRY(parse_json(text), "container record");
  Config c;
  c.hostname = TRY(string_member(in, "Hostname"));
  c.domainname = TRY(string_member(in, "Domainname"));
  c.user = TRY(string_member(in, "User"));
  c.working_dir = TRY(string_member(in, "WorkingDir"));
  c.env = TRY(strings_member(in, "Env"));
  if (find(in, "Entrypoint") != nullptr) c.entrypoint = TRY(strings_member(in, "Entrypoint"));
  c.cmd = TRY(strings_member(in, "Cmd"));
  c.labels = TRY(map_member(in, "Labels"));
  for (std::string& port : TRY(strings_member(in, "ExposedPorts"))) c.exposed_ports.insert(std::move(port));
  c.stop_signal = TRY(string_member(in, "StopSignal"));
  if (find(in, "StopTimeout") != nullptr)
    c.stop_timeout = static_cast<int>(TRY(int_member(in, "StopTimeout")));
  c.tty = TRY(bool_member(in, "Tty"));
  c.open_stdin = TRY(bool_member(in, "OpenStdin"));
  c.stdin_once = TRY(bool_member(in, "StdinOnce"));
  c.attach_stdin = TRY(bool_member(in, "AttachStdin"));
  c.attach_stdout = TRY(bool_member(in, "AttachStdout"));
  c.attach_stderr = TRY(bool_member(in, "AttachStderr"));
  c.auto_remove = TRY(bool_member(in, "AutoRemove"));
  c.read_only = TRY(bool_member(in, "ReadonlyRootfs"));
  c.privileged = TRY(bool_member(in, "Privileged"));
  c.init = TRY(bool_member(in, "Init"));
  c.network_mode = TRY(string_member(in, "NetworkMode", c.network_mode));
  for (const json& port : TRY(array_member(in, "PortBindings")))
    c.ports.push_back(TRY(port_from_json(port)));
  c.publish_all = TRY(bool_member(in, "PublishAllPorts"));
  for (const json& mount : TRY(array_member(in, "Mounts"))) c.mounts.push_back(TRY(mount_from_json(mount)));
  c.cap_add = TRY(strings_member(in, "CapAdd"));
  c.cap_drop = TRY(strings_member(in, "CapDrop"));
  c.security_opt = TRY(strings_member(in, "SecurityOpt"));
  c.dns = TRY(strings_member(in, "Dns"));
  c.dns_search = TRY(strings_member(in, "DnsSearch"));
  c.dns_options = TRY(strings_member(in, "DnsOptions"));
  c.extra_hosts = TRY(strings_member(in, "ExtraHosts"));
  c.memory = static_cast<std::uint64_t>(TRY(int_member(in, "Memory")));
  c.memory_swap = TRY(int_member(in, "MemorySwap"));
  c.memory_reservation = static_cast<std::uint64_t>(TRY(int_member(in, "MemoryReservation")));
  c.nano_cpus = TRY(int_member(in, "NanoCpus"));
  c.cpu_shares = TRY(int_member(in, "CpuShares"));
  c.cpuset_cpus = TRY(string_member(in, "CpusetCpus"));
  c.pids_limit = TRY(int_member(in, "PidsLimit"));
  c.shm_size = static_cast<std::uint64_t>(TRY(int_member(in, "ShmSize", static_cast<std::int64_t>(c.shm_size))));
  c.log_options = TRY(map_member(in, "LogOptions"));
  return c;
}

std::string_view to_string(Status status) {
  switch (status) {
    case Status::kCreated: return "created";
    case Status::kRunning: return "running";
    case Status::kExited: return "exited";
    case Status::kDead: return "dead";
  }
  return "dead";
}

std::vector<std::string> Container::command() const {
  std::vector<std::string> out;
  if (config.entrypoint) out = *config.entrypoint;
  out.insert(out.end(), config.cmd.begin(), config.cmd.end());
  return out;
}

}  // namespace strata::containers
