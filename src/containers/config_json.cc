// The record's JSON. Member names are Docker's where Docker has one; only what differs from the default
// is written, so that records stay small and defaults can be told from choices.
#include "base/json.h"
#include "base/json_fields.h"
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
    case Mount::Type::kBind:
      return "bind";
    case Mount::Type::kVolume:
      return "volume";
    case Mount::Type::kTmpfs:
      return "tmpfs";
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

void read_mount(JsonFields& in, Mount& mount) {
  std::string type;
  in("Type", type);
  if (type == "bind")
    mount.type = Mount::Type::kBind;
  else if (type == "volume")
    mount.type = Mount::Type::kVolume;
  else if (type == "tmpfs")
    mount.type = Mount::Type::kTmpfs;
  else
    in.fail(error(ErrorKind::kCorrupt, "unknown mount type \"{}\"", type));
  in("Name", mount.name)("Source", mount.source)("Target", mount.target)("Mode", mount.mode);
  in("Propagation", mount.propagation)("ReadOnly", mount.read_only)("Anonymous", mount.anonymous);
  in("NoCopy", mount.no_copy)("MustExist", mount.must_exist)("TmpfsOptions", mount.tmpfs_options);
}

void read_port(JsonFields& in, PublishedPort& port) {
  in("HostIp", port.host_ip)("HostPort", port.host_port)("Port", port.container_port)("Protocol", port.protocol);
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
  Config c;
  TRY(read_json_object(
          text,
          [&](JsonFields& in) {
            in("Hostname", c.hostname)("Domainname", c.domainname)("User", c.user)("WorkingDir", c.working_dir);
            in("Env", c.env)("Entrypoint", c.entrypoint)("Cmd", c.cmd)("Labels", c.labels);
            std::vector<std::string> exposed;
            in("ExposedPorts", exposed);
            c.exposed_ports.insert(exposed.begin(), exposed.end());
            in("StopSignal", c.stop_signal)("StopTimeout", c.stop_timeout);
            in("Tty", c.tty)("OpenStdin", c.open_stdin)("StdinOnce", c.stdin_once);
            in("AttachStdin", c.attach_stdin)("AttachStdout", c.attach_stdout)("AttachStderr", c.attach_stderr);
            in("AutoRemove", c.auto_remove)("ReadonlyRootfs", c.read_only)("Privileged", c.privileged)("Init", c.init);
            in("NetworkMode", c.network_mode)("PublishAllPorts", c.publish_all);
            in.list("PortBindings", c.ports, read_port);
            in.list("Mounts", c.mounts, read_mount);
            in("CapAdd", c.cap_add)("CapDrop", c.cap_drop)("SecurityOpt", c.security_opt);
            in("Dns", c.dns)("DnsSearch", c.dns_search)("DnsOptions", c.dns_options)("ExtraHosts", c.extra_hosts);
            in("Memory", c.memory)("MemorySwap", c.memory_swap)("MemoryReservation", c.memory_reservation);
            in("NanoCpus", c.nano_cpus)("CpuShares", c.cpu_shares)("CpusetCpus", c.cpuset_cpus);
            in("PidsLimit", c.pids_limit)("ShmSize", c.shm_size)("LogOptions", c.log_options);
          }),
      "container record");
  return c;
}

std::string_view to_string(Status status) {
  switch (status) {
    case Status::kCreated:
      return "created";
    case Status::kRunning:
      return "running";
    case Status::kExited:
      return "exited";
    case Status::kDead:
      return "dead";
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
