// The other end of a container's life. settle() is the whole recovery: whatever state a killed process
// left a container in, it is brought to one of the two that last, running or idle (or gone).
#include <algorithm>
#include <chrono>

#include "base/strings.h"
#include "containers/containers.h"
#include "containers/records.h"
#include "containers/release.h"
#include "containers/run_files.h"
#include "containers/transient.h"
#include "containers/volumes.h"
#include "layers/layers.h"
#include "network/networks.h"
#include "store/store.h"
#include "store/trash.h"
#include "sys/cgroup.h"
#include "sys/event_loop.h"
#include "sys/file.h"

namespace strata::containers {
namespace {

constexpr std::string_view kBootNote = "boot";  // the boot in which the store was last swept whole
constexpr auto kSweepPatience = std::chrono::seconds(2);
constexpr int kKilled = 128 + 9;

bool may_be_running(Phase phase) { return phase == Phase::kCreating || phase == Phase::kActive; }

// The cgroup counts the kernel's kills; it must be asked before it goes.
bool was_oom_killed(std::string_view id) {
  const Result<sys::Cgroup> cgroup = sys::Cgroup::open(Containers::cgroup_path(id));
  if (!cgroup) return false;
  const Result<sys::CgroupStatistics> statistics = cgroup->statistics();
  return statistics && statistics->oom_kills.value_or(0) > 0;
}

}  // namespace

Result<> Containers::settle(Row row) {
  Records records(parts_.store.db());
  const std::string& id = row.container.id;
  const ContainerPaths files = paths(id);
  if (may_be_running(row.phase)) {
    std::optional<RunStatus> status = TRY(read_status(files.status));
    // Run files of another boot, or none: what the row knows (a run_root on tmpfs goes with the boot).
    if (!status && row.init.pid != 0)
      status = RunStatus{row.boot_id, row.init, row.monitor, row.started.value_or(row.container.created)};
    if (status && !TRY(read_exit(files.exit)) && is_running(*status, boot_id())) {
      if (row.init.pid == status->init.pid && row.boot_id == status->boot_id) return {};
      return records.record_started(id, status->boot_id, status->init, status->monitor, status->started);
    }
    std::optional<ExitRecord> exit;
    if (status) {
      if (row.init.pid == 0)
        TRY(records.record_started(id, status->boot_id, status->init, status->monitor, status->started));
      exit = TRY(read_exit(files.exit))
                 .value_or(ExitRecord{.code = kUnknownExitCode, .error = std::string(kUnknownExit), .finished = now()});
      if (exit->code == kKilled && !exit->oom_killed) exit->oom_killed = was_oom_killed(id);
    }
    const bool removal = row.container.config.auto_remove || (row.phase == Phase::kCreating && !status);
    // The exit first: the run files go with the release.
    if (removal) {
      TRY(records.begin_removal(id, true));
    } else {
      TRY(records.record_exit(id, Phase::kCleaning, exit));
    }
    row.phase = removal ? Phase::kRemoving : Phase::kCleaning;
  }
  if (row.phase == Phase::kIdle) return {};
  TRY(release(parts_, id, row.container.config.network_mode == "bridge"));
  if (row.phase == Phase::kCleaning) return records.set_phase(id, Phase::kIdle);
  TRY(store::discard(parts_.store, files.directory));
  TRY(records.erase(id));
  return remove_marked_volumes(parts_.store, records);
}

Result<> Containers::unmount_unused_layers() {
  std::vector<oci::Digest> used;
  std::vector<oci::Digest> seen;
  Records records(parts_.store.db());
  for (const std::string& id : TRY(records.unsettled())) {
    const std::optional<Row> row = TRY(records.get(id));
    if (!row || std::ranges::find(seen, row->container.image_id) != seen.end()) continue;
    seen.push_back(row->container.image_id);
    const Result<images::Image> image = parts_.images.get(row->container.image_id);
    if (image) used.insert(used.end(), image->chain_ids.begin(), image->chain_ids.end());
  }
  return parts_.layers.unmount_unused(used);
}

Result<> Containers::teardown(std::string_view id) {
  Records records(parts_.store.db());
  std::optional<sys::ByteLock> own;
  if (const auto held = held_.find(std::string(id)); held != held_.end()) {
    own = std::move(held->second);
    held_.erase(held);
  } else {
    own = TRY(lock(id));
  }
  const std::optional<Row> row = TRY(records.get(id));
  if (!row || row->phase == Phase::kIdle) return {};
  // The layers stay mounted, for the next container of the image: removals and sweeps unmount.
  return settle(*row);
}

// nullopt when somebody is at it and shall be left to it. What is being started by a living command may take
// its time; everything else that holds the lock (a P whose command was killed, another teardown) is
// about to finish, and this command shall not find it half done.
Result<std::optional<sys::ByteLock>> Containers::lock_for_sweep(std::string_view id, bool in_use) {
  const auto deadline = sys::monotonic_now() + kSweepPatience;
  for (;;) {
    std::optional<sys::ByteLock> own = TRY(try_lock(id));
    if (own || in_use || sys::monotonic_now() >= deadline) return own;
    TRY(sys::wait_ready({}, std::chrono::milliseconds(1)));
  }
}

Result<> Containers::sweep() {
  Records records(parts_.store.db());
  bool found = false;
  std::vector<std::string> unsettled = TRY(records.unsettled());
  for (const std::string& id : unsettled) {
    std::optional<Row> row = TRY(records.get(id));
    if (!row || row->phase == Phase::kIdle) continue;
    if (row->phase == Phase::kActive && row->init.pid != 0) {
      const State state = TRY(derive(*row));
      // A terminal goes with its monitor: there is nothing to adopt.
      if (state.running() && (state.monitor_pid != 0 || row->container.config.tty)) continue;
    }
    const bool starting = may_be_running(row->phase) && look_at(row->starter).exists && row->init.pid == 0;
    const std::optional<sys::ByteLock> own = TRY(lock_for_sweep(id, starting));
    if (!own) continue;
    row = TRY(records.get(id));
    if (!row) continue;
    const State state = TRY(derive(*row));
    if (row->phase == Phase::kActive && row->init.pid != 0 && state.running()) {
      if (state.monitor_pid == 0) TRY(adopt(*row), "container {}", id);
      continue;
    }
    found = true;
    TRY(settle(*row), "container {}", id);
  }
  for (const auto& [id, starter] : TRY(records.transients())) {
    const std::optional<sys::ByteLock> own = TRY(lock_for_sweep(id, look_at(starter).exists));
    if (!own) continue;
    found = true;
    TRY(release(parts_, id), "build step {}", id);
    TRY(records.erase_transient(id));
  }
  if (TRY(records.note(kBootNote)) != boot_id()) {
    TRY(sweep_after_boot());
    TRY(records.set_note(kBootNote, boot_id()));
  }
  // A command may have been killed after its container's row was gone.
  TRY(remove_marked_volumes(parts_.store, records));
  if (found) TRY(unmount_unused_layers());
  if (unsettled.empty() || found) remove_monitor_cgroup();
  return {};
}

// After a power loss records may be missing whose files are there; and whatever an earlier boot attached is
// gone.
Result<> Containers::sweep_after_boot() {
  Records records(parts_.store.db());
  const std::string directory = parts_.store.paths().root + "/containers";
  if (sys::exists(directory))
    for (const std::string& name : TRY(sys::list_directory(directory))) {
      const std::optional<sys::ByteLock> own = TRY(try_lock(name));
      if (own && !TRY(records.get(name))) TRY(store::discard(parts_.store, directory + "/" + name));
    }
  TRY(parts_.layers.sweep());
  std::vector<std::string> live = TRY(records.unsettled());
  for (TransientRow& row : TRY(records.transients())) live.push_back(std::move(row.id));
  return parts_.networks.sweep(live);
}

Result<> Containers::remove(const Container& container, const RemoveOptions& options) {
  Records records(parts_.store.db());
  for (;;) {
    {
      const sys::ByteLock own = TRY(lock(container.id));
      std::optional<Row> row = TRY(records.get(container.id));
      if (!row) {
        if (options.force) return {};
        return error(ErrorKind::kNotFound, "No such container: {}", container.id);
      }
      if (!may_be_running(row->phase) || !TRY(derive(*row)).running()) {
        // A dead one that was never torn down is recorded as ended first: its cgroup and address go too.
        if (row->phase != Phase::kRemoving) TRY(settle(*row));
        row = TRY(records.get(container.id));
        if (!row) return {};
        TRY(records.begin_removal(container.id, options.volumes));
        row->phase = Phase::kRemoving;
        TRY(settle(*row));
        return unmount_unused_layers();
      }
    }
    if (!options.force)
      return error(ErrorKind::kConflict,
                   "cannot remove container \"{}\": container is running: stop the container before removing or "
                   "force remove",
                   container.name);
    TRY(stop(container, 0, "KILL"));
  }
}

}  // namespace strata::containers
