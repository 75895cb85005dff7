// The containers of a store: records, lifecycle, and what must be given back when one ends.
//
// Invariants
// - Every directory, address, cgroup and process of a container belongs to a row of the database that
//   was there before it and goes after it. The row's phase says what may exist:
//     creating  by `run`, not yet started; removed when its holder is gone
//     idle      created or exited: only files below root/containers/<id>
//     active    started or being started: also run files, cgroup, address, monitor
//     cleaning  the exit is recorded, what `active` allows is being given back
//     removing  as cleaning, and then the files and the row go too
// - Whoever changes a container holds its lock (an OFD lock, lock.h), which the kernel drops with its
//   holder; P (see start) inherits it. A phase other than idle whose lock is free and whose init is
//   dead is finished by anybody: that is all recovery there is.
// - A process is signalled only after boot id, pid and start time agree with what was recorded.
//
// Run files, run_root/containers/<id>/ (all written by rename, so a reader sees all or nothing):
//   status.json  {"version":1, "boot_id", "pid", "start_time", "monitor_pid", "monitor_start_time",
//                 "started"}; written by P before init runs and before it becomes the monitor
//   exit.json    {"version":1, "code", "oom", "finished"[, "error"]}; by the monitor, after the last log line
//
// Thread-safe as the store is; one object per command.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "containers/container.h"
#include "images/images.h"
#include "sys/byte_lock.h"
#include "sys/unique_fd.h"

namespace strata::store {
class Store;
struct Schema;
struct Paths;
}  // namespace strata::store
namespace strata::layers {
class Layers;
}
namespace strata::network {
class Networks;
}

namespace strata::containers {

struct CommitOptions;
struct MonitorConfig;
class Records;
struct Row;

// Where a container's things lie. Pure names; nothing is created.
struct ContainerPaths {
  std::string directory;    // root/containers/<id>
  std::string upper, work;  // the writable layer
  std::string hostname, hosts, resolv_conf;
  std::string log;            // <id>-json.log
  std::string run_directory;  // run_root/containers/<id>
  std::string status, exit;   // status.json, exit.json
};
ContainerPaths container_paths(const store::Paths& paths, std::string_view id);

struct Parts {
  store::Store& store;
  layers::Layers& layers;
  images::Images& images;
  network::Networks& networks;
  std::string monitor_program;                // path of strata-monitor
  std::vector<std::string> teardown_command;  // argv the monitor executes with the id appended:
                                              // {strata, --root, …, --run-root, …, internal-teardown}
};

struct CreateRequest {
  std::string name;        // "" = one is made up
  std::string image_name;  // as typed
  Config config;           // as typed; merged with the image's here
  // The container is about to be started by this process (`run`): if that does not come to pass,
  // nothing of it stays. Otherwise it stays as "created".
  bool for_run = false;
};

struct StartOptions {
  // A connected socket that speaks monitor_protocol.h, handed to the monitor as its first client, so
  // that not a byte of output or input is missed. Empty: nobody is attached at first.
  sys::UniqueFd client;
  // The first client will call teardown() once it was told of the exit; the monitor then only does so
  // itself when that client is gone.
  bool client_tears_down = false;
  std::uint16_t terminal_rows = 0, terminal_columns = 0;  // 0 = unknown
};

struct Change {
  char kind;  // 'A', 'C' or 'D'
  std::string path;
};

struct RemoveOptions {
  bool force = false;    // kill it first
  bool volumes = false;  // and its anonymous volumes
};

class Containers {
 public:
  explicit Containers(Parts parts);
  ~Containers();
  Containers(const Containers&) = delete;
  Containers& operator=(const Containers&) = delete;
  static const store::Schema& schema();

  // Errors: kConflict with docker's text when the name is taken; kUnsupported when a limit that was
  // asked for cannot be had here; kInvalidArgument. Nothing stays on error.
  Result<Container> create(const CreateRequest& request, const images::Image& image);

  // By id, name (a leading slash is allowed) or unambiguous prefix of an id. Errors: kNotFound
  // "No such container: x"; kConflict when a prefix is ambiguous.
  Result<Container> find(std::string_view name_or_id);
  // All, newest first.
  Result<std::vector<Container>> list();
  Result<State> state(const Container& container);
  // Both at once, newest first.
  struct Listed {
    Container container;
    State state;
  };
  Result<std::vector<Listed>> list_with_state();

  // Starts a created or exited container; no effect (and no error) on a running one, except that
  // options.client is refused with kConflict. On error nothing stays but the record (and not even
  // that after create with for_run). Errors: kCommandNotFound and kCommandNotRunnable as the
  // command has it.
  Result<> start(const Container& container, StartOptions options);
  // SIGTERM or the stop signal, then SIGKILL after timeout seconds (nullopt: the container's, -1: never).
  // Returns when the container is gone and torn down; no effect when it is not running.
  Result<> stop(const Container& container, std::optional<int> timeout, std::string_view signal = "");
  // "TERM", "SIGTERM" or "15". Errors: kConflict when it is not running.
  Result<> kill(const Container& container, std::string_view signal);
  Result<> remove(const Container& container, const RemoveOptions& options);
  // Waits until it is not running (at once when it is not) and gives the exit code, also when it
  // is being removed meanwhile.
  Result<int> wait(const Container& container);
  // An image of what it is now; see commit.h. Errors: kConflict when the container changes a file that is just
  // being read, which `pause` prevents.
  Result<images::Image> commit(const Container& container, const CommitOptions& options);
  // What differs from the image, sorted by path.
  Result<std::vector<Change>> diff(const Container& container);
  // The root file system, as it is at this moment, as a tar into `output`: sorted, with extended
  // attributes, hard links and holes. What is mounted in it is not in it, only the mount points.
  Result<> export_rootfs(const Container& container, int output);
  // Docker's inspect object: JSON, indented by four.
  Result<std::string> inspect(const Container& container);

  // Gives back what a container that has ended still holds, records its exit, and removes it when it
  // was made with --rm. Does nothing for one that runs, was torn down already or is unknown: any number
  // of processes may call it at any time.
  Result<> teardown(std::string_view id);
  // Finishes what dead commands and dead monitors left. Cheap when there is nothing; first thing in
  // every command that changes something, and in ps.
  Result<> sweep();

  ContainerPaths paths(std::string_view id) const;
  // The cgroup of a container, below each controller's root: "/strata/<id>".
  static std::string cgroup_path(std::string_view id);
  // The host's ports of a running container, as they really are.
  Result<std::vector<PublishedPort>> published_ports(const Container& container);
  // The init of a running container, certainly that one. Errors: kConflict "container … is not running".
  Result<sys::UniqueFd> open_init(const Container& container);
  // Which images containers need, for images::ImageUses: reads the database only.
  Result<std::vector<images::ImageUse>> image_uses();

  const Parts& parts() const { return parts_; }

 private:
  Result<sys::ByteLock> lock(std::string_view id);
  Result<std::optional<sys::ByteLock>> try_lock(std::string_view id);
  Result<std::optional<sys::ByteLock>> lock_for_sweep(std::string_view id, bool in_use);
  Result<State> derive(const Row& row);
  // With the container's lock held: makes of a phase that nobody pursues any more what it must become. A
  // container that runs is left alone (and recorded as running, when that was not done).
  Result<> settle(Row row);
  Result<MonitorConfig> monitor_config(const Container& container) const;
  // With the container's lock held: gives a running container a new monitor.
  Result<> adopt(const Row& row);
  Result<> start_locked(const Container& container, StartOptions options);
  Result<> kill_monitor(std::string_view id);
  Result<> unmount_unused_layers();
  Result<> sweep_after_boot();
  const std::string& boot_id();

  Parts parts_;
  std::string boot_id_;
  // Of containers made for_run and not yet started: they go with this object.
  std::map<std::string, sys::ByteLock> held_;
};

// The byte of run_root/containers.lock that is a container's lock.
std::uint64_t lock_byte(std::string_view id);

// "SIGTERM", "TERM", "term" or "15" to its number. Errors: kInvalidArgument "invalid signal: x".
Result<int> parse_signal(std::string_view text);

}  // namespace strata::containers
