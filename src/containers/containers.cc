// Records, states and locks; the life of a container is in start.cc, stop.cc and teardown.cc.
#include "containers/containers.h"

#include <algorithm>

#include "base/strings.h"
#include "containers/config_merge.h"
#include "containers/host_limits.h"
#include "containers/names.h"
#include "containers/records.h"
#include "containers/run_files.h"
#include "network/networks.h"
#include "store/store.h"
#include "sys/process.h"
#include "sys/temp_dir.h"

namespace strata::containers {
namespace {

// The short id must not look like a number (docker: so that it can be a hostname).
std::string made_up_id() {
  for (;;) {
    std::string id = sys::random_hex(32);
    if (!std::ranges::all_of(id.substr(0, 12), [](char c) { return c >= '0' && c <= '9'; })) return id;
  }
}

std::string lock_path(const Parts& parts) { return parts.store.paths().run_root + "/containers.lock"; }

}  // namespace

ContainerPaths container_paths(const store::Paths& paths, std::string_view id) {
  ContainerPaths out;
  out.directory = fmt::format("{}/containers/{}", paths.root, id);
  out.upper = out.directory + "/upper";
  out.work = out.directory + "/work";
  out.hostname = out.directory + "/hostname";
  out.hosts = out.directory + "/hosts";
  out.resolv_conf = out.directory + "/resolv.conf";
  out.log = fmt::format("{}/{}-json.log", out.directory, id);
  out.run_directory = fmt::format("{}/containers/{}", paths.run_root, id);
  out.status = out.run_directory + "/status.json";
  out.exit = out.run_directory + "/exit.json";
  return out;
}

std::uint64_t lock_byte(std::string_view id) { return parse_unsigned(id.substr(0, 15), 16).value_or(0); }

Containers::Containers(Parts parts) : parts_(std::move(parts)) {}

Containers::~Containers() {
  while (!held_.empty()) {
    const std::string id = held_.begin()->first;
    (void)!teardown(id);  // what fails here is the next sweep's
    held_.erase(id);
  }
}

const store::Schema& Containers::schema() { return Records::schema(); }

ContainerPaths Containers::paths(std::string_view id) const { return container_paths(parts_.store.paths(), id); }

std::string Containers::cgroup_path(std::string_view id) { return fmt::format("/strata/{}", id); }

const std::string& Containers::boot_id() {
  if (boot_id_.empty()) boot_id_ = sys::boot_id().value_or("unknown");
  return boot_id_;
}

Result<sys::ByteLock> Containers::lock(std::string_view id) {
  return sys::ByteLock::acquire(lock_path(parts_), lock_byte(id));
}

Result<std::optional<sys::ByteLock>> Containers::try_lock(std::string_view id) {
  return sys::ByteLock::try_acquire(lock_path(parts_), lock_byte(id));
}

Result<Container> Containers::create(const CreateRequest& request, const images::Image& image) {
  Records records(parts_.store.db());
  Container container;
  container.id = made_up_id();
  container.image_id = image.id;
  container.image_name = request.image_name;
  container.created = now();
  container.config = TRY(merge_config(request.config, image.config.config));
  TRY(check_host_limits(container.config));
  if (std::string& mode = container.config.network_mode; mode.starts_with("container:")) {
    mode = "container:" + TRY(find(mode.substr(10))).id;
  } else if (mode == "default") {
    mode = "bridge";
  } else if (mode != "none" && mode != "host" && mode != "bridge") {
    return error(ErrorKind::kNotFound, "network {} not found", printable(mode));
  }
  if (!request.name.empty()) container.name = TRY(parse_name(request.name));

  // Taken before the row is there, so that no sweep finds the row without its holder.
  std::optional<sys::ByteLock> own;
  if (request.for_run) own = TRY(lock(container.id));
  const Phase phase = request.for_run ? Phase::kCreating : Phase::kIdle;
  for (int attempt = 0;; ++attempt) {
    if (request.name.empty()) {
      container.name = made_up_name();
      if (attempt > 5) container.name += std::to_string(attempt);
    }
    store::Transaction change = TRY(parts_.store.db().begin());
    // It may have been removed since the caller looked.
    TRY(parts_.images.get(image.id));
    const Result<> inserted = records.insert(container, phase, TRY(own_identity()));
    if (inserted) {
      TRY(change.commit());
      break;
    }
    if (!request.name.empty() || inserted.error().kind() != ErrorKind::kConflict || attempt == 1000)
      return inserted.error();
  }
  if (own) held_.emplace(container.id, std::move(*own));
  return container;
}

Result<Container> Containers::find(std::string_view name_or_id) {
  return TRY(Records(parts_.store.db()).find(name_or_id)).container;
}

Result<std::vector<Container>> Containers::list() {
  std::vector<Container> out;
  for (Row& row : TRY(Records(parts_.store.db()).list())) out.push_back(std::move(row.container));
  return out;
}

Result<State> Containers::state(const Container& container) {
  const std::optional<Row> row = TRY(Records(parts_.store.db()).get(container.id));
  if (!row) return error(ErrorKind::kNotFound, "No such container: {}", container.id);
  return derive(*row);
}

Result<std::vector<Containers::Listed>> Containers::list_with_state() {
  std::vector<Listed> out;
  for (Row& row : TRY(Records(parts_.store.db()).list())) {
    State state = TRY(derive(row));
    out.push_back({std::move(row.container), std::move(state)});
  }
  return out;
}

Result<State> Containers::derive(const Row& row) {
  State state;
  state.started = row.started;
  state.finished = row.finished;
  state.exit_code = row.exit_code;
  state.oom_killed = row.oom_killed;
  state.error = row.error;
  state.status = row.phase == Phase::kRemoving ? Status::kDead : row.started ? Status::kExited : Status::kCreated;
  if (row.phase != Phase::kCreating && row.phase != Phase::kActive) return state;

  const ContainerPaths files = paths(row.container.id);
  std::optional<RunStatus> status;
  if (row.init.pid != 0)
    status = RunStatus{row.boot_id, row.init, row.monitor, row.started.value_or(Timestamp())};
  else
    status = TRY(read_status(files.status));
  if (!status) return state;  // being started
  state.started = status->started;
  state.finished.reset();
  state.exit_code = 0;
  state.oom_killed = false;
  state.error.clear();
  if (const std::optional<ExitRecord> exit = TRY(read_exit(files.exit))) {
    state.status = Status::kExited;
    state.exit_code = exit->code;
    state.oom_killed = exit->oom_killed;
    state.error = exit->error;
    state.finished = exit->finished;
  } else if (is_running(*status, boot_id())) {
    state.status = Status::kRunning;
    state.pid = status->init.pid;
    state.monitor_pid = look_at(status->monitor).alive() ? status->monitor.pid : 0;
  } else {
    state.status = Status::kExited;
    state.exit_code = kUnknownExitCode;
    state.error = std::string(kUnknownExit);
  }
  return state;
}

Result<sys::UniqueFd> Containers::open_init(const Container& container) {
  const std::optional<Row> row = TRY(Records(parts_.store.db()).get(container.id));
  const auto not_running = [&] { return error(ErrorKind::kConflict, "container {} is not running", container.id); };
  if (!row || (row->phase != Phase::kActive && row->phase != Phase::kCreating)) return not_running();
  if (!TRY(derive(*row)).running()) return not_running();
  ProcessIdentity init = row->init;
  if (init.pid == 0) {
    const std::optional<RunStatus> status = TRY(read_status(paths(container.id).status));
    if (!status) return not_running();
    init = status->init;
  }
  std::optional<sys::UniqueFd> pidfd = TRY(open_process(init));
  if (!pidfd) return not_running();
  return std::move(*pidfd);
}

Result<std::vector<PublishedPort>> Containers::published_ports(const Container& container) {
  std::vector<PublishedPort> out;
  const std::optional<network::Endpoint> endpoint = TRY(parts_.networks.find(container.id));
  if (endpoint)
    for (const network::PortMapping& port : endpoint->ports)
      out.push_back({port.host_ip, port.host_port, port.container_port, port.protocol});
  return out;
}

Result<std::vector<images::ImageUse>> Containers::image_uses() {
  std::vector<images::ImageUse> out;
  for (const Row& row : TRY(Records(parts_.store.db()).list()))
    out.push_back({row.container.id, row.container.image_id, TRY(derive(row)).running()});
  return out;
}

}  // namespace strata::containers
