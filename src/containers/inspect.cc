// Docker's container inspect object (Engine API 1.47, ContainerInspect), keys in docker's order.
#include <algorithm>

#include "base/json.h"
#include "containers/containers.h"
#include "containers/volumes.h"
#include "network/networks.h"
#include "store/store.h"

namespace strata::containers {
namespace {

constexpr std::string_view kNever = "0001-01-01T00:00:00Z";

// A list that docker writes as null when it is empty.
ordered_json list_or_null(const std::vector<std::string>& list) {
  return list.empty() ? ordered_json(nullptr) : ordered_json(list);
}

ordered_json set_of(const std::set<std::string>& keys) {
  ordered_json out = ordered_json::object();
  for (const std::string& key : keys) out[key] = ordered_json::object();
  return out;
}

ordered_json state_json(const State& state) {
  const auto time = [](const std::optional<Timestamp>& t) { return t ? to_rfc3339(*t) : std::string(kNever); };
  return {
      {"Status", to_string(state.status)},
      {"Running", state.running()},
      {"Paused", false},
      {"Restarting", false},
      {"OOMKilled", state.oom_killed},
      {"Dead", state.status == Status::kDead},
      {"Pid", state.pid},
      {"ExitCode", state.exit_code},
      {"Error", state.error},
      {"StartedAt", time(state.started)},
      {"FinishedAt", time(state.finished)},
  };
}

ordered_json config_json(const Container& container) {
  const Config& config = container.config;
  ordered_json volumes = nullptr;
  for (const Mount& mount : config.mounts)
    if (mount.type == Mount::Type::kVolume && mount.anonymous) volumes[mount.target] = ordered_json::object();
  ordered_json out = {
      {"Hostname", config.hostname.empty() ? container.short_id() : config.hostname},
      {"Domainname", config.domainname},
      {"User", config.user},
      {"AttachStdin", config.attach_stdin},
      {"AttachStdout", config.attach_stdout},
      {"AttachStderr", config.attach_stderr},
  };
  if (!config.exposed_ports.empty()) out["ExposedPorts"] = set_of(config.exposed_ports);
  out["Tty"] = config.tty;
  out["OpenStdin"] = config.open_stdin;
  out["StdinOnce"] = config.stdin_once;
  out["Env"] = config.env;
  out["Cmd"] = list_or_null(config.cmd);
  out["Image"] = container.image_name;
  out["Volumes"] = volumes;
  out["WorkingDir"] = config.working_dir;
  out["Entrypoint"] = list_or_null(config.entrypoint.value_or(std::vector<std::string>()));
  out["OnBuild"] = nullptr;
  out["Labels"] = config.labels.empty() ? ordered_json::object() : ordered_json(config.labels);
  if (!config.stop_signal.empty()) out["StopSignal"] = config.stop_signal;
  if (config.stop_timeout) out["StopTimeout"] = *config.stop_timeout;
  return out;
}

ordered_json bindings(const std::vector<PublishedPort>& ports, bool show_chosen) {
  ordered_json out = ordered_json::object();
  for (const PublishedPort& port : ports) {
    const std::string host_port = port.host_port == 0 && !show_chosen ? "" : std::to_string(port.host_port);
    out[fmt::format("{}/{}", port.container_port, port.protocol)].push_back(
        {{"HostIp", show_chosen && port.host_ip.empty() ? "0.0.0.0" : port.host_ip}, {"HostPort", host_port}});
  }
  return out;
}

ordered_json host_config_json(const Config& config) {
  std::vector<std::string> binds;
  ordered_json tmpfs = ordered_json::object();
  for (const Mount& mount : config.mounts) {
    if (mount.type == Mount::Type::kTmpfs) {
      tmpfs[mount.target] = mount.tmpfs_options;
      continue;
    }
    if (mount.anonymous) continue;
    const std::string& source = mount.type == Mount::Type::kBind ? mount.source : mount.name;
    binds.push_back(mount.mode.empty() ? fmt::format("{}:{}", source, mount.target)
                                       : fmt::format("{}:{}:{}", source, mount.target, mount.mode));
  }
  ordered_json out = {
      {"Binds", list_or_null(binds)},
      {"ContainerIDFile", ""},
      {"LogConfig", {{"Type", "json-file"}, {"Config", ordered_json(config.log_options)}}},
      {"NetworkMode", config.network_mode},
      {"PortBindings", bindings(config.ports, false)},
      {"RestartPolicy", {{"Name", "no"}, {"MaximumRetryCount", 0}}},
      {"AutoRemove", config.auto_remove},
      {"VolumeDriver", ""},
      {"VolumesFrom", nullptr},
      {"CapAdd", list_or_null(config.cap_add)},
      {"CapDrop", list_or_null(config.cap_drop)},
      {"CgroupnsMode", "private"},
      {"Dns", config.dns},
      {"DnsOptions", config.dns_options},
      {"DnsSearch", config.dns_search},
      {"ExtraHosts", list_or_null(config.extra_hosts)},
      {"GroupAdd", nullptr},
      {"IpcMode", "private"},
      {"Links", nullptr},
      {"OomScoreAdj", 0},
      {"PidMode", ""},
      {"Privileged", config.privileged},
      {"PublishAllPorts", config.publish_all},
      {"ReadonlyRootfs", config.read_only},
      {"SecurityOpt", list_or_null(config.security_opt)},
      {"ShmSize", config.shm_size},
      {"Runtime", "strata"},
      {"CpuShares", config.cpu_shares},
      {"Memory", config.memory},
      {"NanoCpus", config.nano_cpus},
      {"CgroupParent", ""},
      {"CpusetCpus", config.cpuset_cpus},
      {"MemoryReservation", config.memory_reservation},
      {"MemorySwap", config.memory != 0 && config.memory_swap == 0 ? static_cast<std::int64_t>(config.memory) * 2
                                                                   : config.memory_swap},
  };
  out["PidsLimit"] = config.pids_limit > 0 ? ordered_json(config.pids_limit) : ordered_json(nullptr);
  if (!tmpfs.empty()) out["Tmpfs"] = tmpfs;
  return out;
}

ordered_json mounts_json(const Config& config, const store::Paths& paths) {
  ordered_json out = ordered_json::array();
  for (const Mount& mount : config.mounts) {
    switch (mount.type) {
      case Mount::Type::kBind:
        out.push_back({{"Type", "bind"},
                       {"Source", mount.source},
                       {"Destination", mount.target},
                       {"Mode", mount.mode},
                       {"RW", !mount.read_only},
                       {"Propagation", mount.propagation}});
        break;
      case Mount::Type::kVolume:
        out.push_back({{"Type", "volume"},
                       {"Name", mount.name},
                       {"Source", volume_directory(paths, mount.name) + "/_data"},
                       {"Destination", mount.target},
                       {"Driver", "local"},
                       {"Mode", mount.mode},
                       {"RW", !mount.read_only},
                       {"Propagation", ""}});
        break;
      case Mount::Type::kTmpfs:
        out.push_back({{"Type", "tmpfs"},
                       {"Source", ""},
                       {"Destination", mount.target},
                       {"Mode", ""},
                       {"RW", !mount.read_only},
                       {"Propagation", ""}});
        break;
    }
  }
  return out;
}

ordered_json network_json(const Config& config, const std::optional<network::Endpoint>& endpoint) {
  std::vector<PublishedPort> published;
  if (endpoint)
    for (const network::PortMapping& port : endpoint->ports)
      published.push_back({port.host_ip, port.host_port, port.container_port, port.protocol});
  ordered_json ports = bindings(published, true);
  if (endpoint)
    for (const std::string& exposed : config.exposed_ports)
      if (!ports.contains(exposed)) ports[exposed] = nullptr;
  const network::Endpoint none;
  const network::Endpoint& at = endpoint ? *endpoint : none;
  const ordered_json one = {
      {"IPAMConfig", nullptr},
      {"Links", nullptr},
      {"Aliases", nullptr},
      {"MacAddress", at.mac},
      {"Gateway", at.gateway},
      {"IPAddress", at.address},
      {"IPPrefixLen", at.prefix_length},
      {"IPv6Gateway", ""},
      {"GlobalIPv6Address", ""},
      {"GlobalIPv6PrefixLen", 0},
  };
  ordered_json networks = ordered_json::object();
  if (!config.network_mode.starts_with("container:")) networks[config.network_mode] = one;
  return {
      {"Bridge", ""},          {"SandboxID", ""},         {"Ports", ports},
      {"Gateway", at.gateway}, {"IPAddress", at.address}, {"IPPrefixLen", at.prefix_length},
      {"MacAddress", at.mac},  {"Networks", networks},
  };
}

}  // namespace

Result<std::string> Containers::inspect(const Container& container) {
  const ContainerPaths files = paths(container.id);
  const std::vector<std::string> command = container.command();
  const State now_state = TRY(state(container));
  std::optional<network::Endpoint> endpoint;
  if (container.config.network_mode == "bridge") endpoint = TRY(parts_.networks.find(container.id));
  const ordered_json out = {
      {"Id", container.id},
      {"Created", to_rfc3339(container.created)},
      {"Path", command.front()},
      {"Args", std::vector<std::string>(command.begin() + 1, command.end())},
      {"State", state_json(now_state)},
      {"Image", container.image_id.to_string()},
      {"ResolvConfPath", files.resolv_conf},
      {"HostnamePath", files.hostname},
      {"HostsPath", files.hosts},
      {"LogPath", files.log},
      {"Name", "/" + container.name},
      {"RestartCount", 0},
      {"Driver", "overlayfs"},
      {"Platform", "linux"},
      {"MountLabel", ""},
      {"ProcessLabel", ""},
      {"AppArmorProfile", ""},
      {"ExecIDs", nullptr},
      {"HostConfig", host_config_json(container.config)},
      {"GraphDriver", {{"Name", "overlayfs"}, {"Data", {{"UpperDir", files.upper}, {"WorkDir", files.work}}}}},
      {"Mounts", mounts_json(container.config, parts_.store.paths())},
      {"Config", config_json(container)},
      {"NetworkSettings", network_json(container.config, endpoint)},
  };
  return out.dump(4, ' ', false, json::error_handler_t::replace);
}

}  // namespace strata::containers
