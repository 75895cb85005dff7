// From a record to a running container: what needs the database and the store is done here, then P
// (launch.h) makes the process.
#include <fcntl.h>

#include <algorithm>

#include "base/strings.h"
#include "containers/containers.h"
#include "containers/etc_files.h"
#include "containers/host_limits.h"
#include "containers/launch.h"
#include "containers/prepare.h"
#include "containers/records.h"
#include "containers/run_files.h"
#include "layers/layers.h"
#include "network/networks.h"
#include "store/store.h"
#include "sys/file.h"

namespace strata::containers {
namespace {

constexpr std::uint64_t kMinimumLogSize = 4 << 10;

std::vector<network::PortMapping> port_mappings(const Config& config) {
  std::vector<network::PortMapping> out;
  for (const PublishedPort& port : config.ports)
    out.push_back({port.host_ip, port.host_port, port.container_port, port.protocol});
  if (!config.publish_all) return out;
  for (const std::string& exposed : config.exposed_ports) {
    const std::size_t slash = exposed.find('/');
    const auto number = parse_unsigned(std::string_view(exposed).substr(0, slash));
    if (!number || *number == 0 || *number > 65535) continue;
    network::PortMapping mapping;
    mapping.container_port = static_cast<std::uint16_t>(*number);
    if (slash != std::string::npos) mapping.protocol = exposed.substr(slash + 1);
    const bool mapped = std::ranges::any_of(out, [&](const network::PortMapping& other) {
      return other.container_port == mapping.container_port && other.protocol == mapping.protocol;
    });
    if (!mapped) out.push_back(std::move(mapping));
  }
  return out;
}

// "container:<id>": the network namespace of another one, and its files in /etc.
Result<std::string> joined_network(Containers& containers, const Config& config) {
  if (!config.network_mode.starts_with("container:")) return std::string();
  const Container other = TRY(containers.find(config.network_mode.substr(10)));
  const State state = TRY(containers.state(other));
  if (!state.running())
    return error(ErrorKind::kConflict, "cannot join network of a non running container: {}", other.id);
  return fmt::format("/proc/{}/ns/net", state.pid);
}

}  // namespace

Result<MonitorConfig> Containers::monitor_config(const Container& container) const {
  const Config& config = container.config;
  MonitorConfig out;
  out.program = parts_.monitor_program;
  out.container_id = container.id;
  out.run_directory = paths(container.id).run_directory;
  out.log_path = paths(container.id).log;
  out.terminal = config.tty;
  out.open_stdin = config.open_stdin;
  out.stdin_once = config.stdin_once;
  out.teardown_command = parts_.teardown_command;
  out.teardown_command.push_back(container.id);
  if (const auto size = config.log_options.find("max-size"); size != config.log_options.end()) {
    const auto bytes = parse_size(size->second);
    if (!bytes || *bytes < kMinimumLogSize)
      return error(ErrorKind::kInvalidArgument, "invalid log option max-size: {}", printable(size->second));
    out.log_max_size = *bytes;
  }
  if (const auto files = config.log_options.find("max-file"); files != config.log_options.end()) {
    const auto count = parse_unsigned(files->second);
    if (!count || *count < 1 || *count > 1000)
      return error(ErrorKind::kInvalidArgument, "invalid log option max-file: {}", printable(files->second));
    out.log_max_files = static_cast<int>(*count);
  }
  return out;
}

Result<> Containers::start(const Container& asked, StartOptions options) {
  Records records(parts_.store.db());
  // The lock is held until init runs and that is recorded; P inherits it, so that it outlives us.
  std::optional<sys::ByteLock> own;
  if (const auto held = held_.find(asked.id); held != held_.end()) {
    own = std::move(held->second);
    held_.erase(held);
  } else {
    own = TRY(lock(asked.id));
  }
  std::optional<Row> row = TRY(records.get(asked.id));
  if (!row) return error(ErrorKind::kNotFound, "No such container: {}", asked.id);
  if (row->phase == Phase::kActive && TRY(derive(*row)).running()) {
    if (options.client) return error(ErrorKind::kConflict, "container {} is already running", asked.id);
    return {};
  }
  if (row->phase != Phase::kIdle && row->phase != Phase::kCreating) {
    TRY(settle(*row));
    row = TRY(records.get(asked.id));
    if (!row) return error(ErrorKind::kNotFound, "No such container: {}", asked.id);
  }
  const bool fresh = row->phase == Phase::kCreating;
  const Container& container = row->container;
  if (!fresh) {
    const ProcessIdentity self = TRY(own_identity());
    TRY(records.begin_start(container.id, self));
  }
  Result<> started = start_locked(container, std::move(options));
  if (started) return started;
  // Whatever was made goes again; the first error is the one that counts.
  row->phase = fresh ? Phase::kCreating : Phase::kActive;
  row->init = {};
  row->monitor = {};
  (void)!settle(*row);
  if (!fresh) {
    const int code = started.error().kind() == ErrorKind::kCommandNotFound      ? 127
                     : started.error().kind() == ErrorKind::kCommandNotRunnable ? 126
                                                                                : 128;
    (void)!records.record_error(container.id, started.error().message(), code);
  }
  return started;
}

Result<> Containers::start_locked(const Container& container, StartOptions options) {
  const Config& config = container.config;
  const ContainerPaths files = paths(container.id);
  const images::Image image = TRY(parts_.images.get(container.image_id), "image {}", container.image_name);

  // Set-id programs of an image are nothing for the host's users.
  TRY(sys::make_directories(files.directory, 0700));
  TRY(sys::make_directories(files.upper));
  TRY(sys::make_directories(files.work));
  TRY(sys::make_directories(files.run_directory, 0711));
  TRY(sys::remove_file(files.status));
  TRY(sys::remove_file(files.exit));
  const layers::UpperDir upper = {.upper = files.upper, .work = files.work, .volatile_ = config.auto_remove};
  const sys::UniqueFd rootfs = TRY(parts_.layers.mount_rootfs(image.chain_ids, &upper), "mount the root file system");
  ContainerPaths etc = files;
  const std::string netns = TRY(joined_network(*this, config));
  if (netns.empty())
    TRY(write_etc_files(container.id, config, files));
  else
    etc = paths(config.network_mode.substr(10));

  PreparedRootfs prepared = TRY(prepare_rootfs(parts_.store.paths(), config, rootfs.get()));
  const bool bridged = config.network_mode == "bridge";
  const oci::RuntimeSpec spec = TRY(make_spec({.id = container.id,
                                               .config = config,
                                               .user = std::move(prepared.user),
                                               .hostname_file = etc.hostname,
                                               .hosts_file = etc.hosts,
                                               .resolv_conf_file = etc.resolv_conf,
                                               .mount_sources = std::move(prepared.mount_sources),
                                               .join_network = netns,
                                               .cgroup = cgroup_path(container.id),
                                               .limit_swap = config.memory != 0 && can_limit_swap()}));
  network::HeldPorts ports;
  if (bridged) ports = TRY(network::hold_ports(port_mappings(config)));
  MonitorConfig watched = TRY(monitor_config(container));
  MonitorSetup monitor = TRY(MonitorSetup::prepare(std::move(watched)));

  LaunchOptions launch = {.spec = spec, .rootfs_mount = rootfs.get()};
  launch.configure_network = bridged;
  launch.seccomp = TRY(seccomp_source(config));
  launch.terminal_rows = options.terminal_rows;
  launch.terminal_columns = options.terminal_columns;
  launch.status_path = files.status;
  launch.monitor = &monitor;
  launch.client = std::move(options.client);
  launch.client_owns = options.client_tears_down;
  launch.held_ports = std::move(ports.sockets);
  Launched launched = TRY(Launched::launch(std::move(launch)));
  const auto attach = [&](int fd) -> Result<> {
    const network::Endpoint endpoint = TRY(parts_.networks.attach(container.id, fd, ports.ports));
    return add_own_address(container.id, config, files, endpoint.address);
  };
  const Launched::Started started = TRY(launched.wait_started(attach));
  return Records(parts_.store.db())
      .record_started(container.id, boot_id(), started.init, started.monitor, started.started);
}

}  // namespace strata::containers
