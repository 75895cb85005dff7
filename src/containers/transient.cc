#include "containers/transient.h"

#include <fcntl.h>

#include <array>

#include "containers/containers.h"
#include "containers/etc_files.h"
#include "containers/launch.h"
#include "containers/prepare.h"
#include "containers/records.h"
#include "containers/release.h"
#include "containers/run_files.h"
#include "containers/spec.h"
#include "network/networks.h"
#include "store/store.h"
#include "sys/byte_lock.h"
#include "sys/cgroup.h"
#include "sys/event_loop.h"
#include "sys/file.h"
#include "sys/mount_stubs.h"
#include "sys/temp_dir.h"

namespace strata::containers {
namespace {

constexpr int kKilled = 128 + 9;
constexpr std::size_t kOutputChunk = 64 << 10;

Config to_config(const TransientOptions& options) {
  Config config;
  config.hostname = options.hostname;
  config.user = options.user;
  config.working_dir = options.working_dir;
  config.env = options.env;
  config.cmd = options.arguments;
  config.network_mode = options.network_mode;
  config.mounts = options.mounts;
  config.cap_add = options.cap_add;
  config.privileged = options.privileged;
  config.shm_size = options.shm_size;
  return config;
}

// Hands on output until its end, which comes when the last process of the container is gone. False when it was
// cancelled.
Result<bool> read_output(Launched& launched, int output, const TransientOptions& options) {
  std::vector<std::byte> buffer(kOutputChunk);
  bool cancelled = false;
  for (;;) {
    std::array<pollfd, 2> entries = {pollfd{.fd = output, .events = POLLIN},
                                     pollfd{.fd = cancelled ? -1 : options.cancel_fd, .events = POLLIN}};
    TRY(sys::wait_ready(entries));
    if (entries[1].revents != 0 && !cancelled) {
      cancelled = true;
      launched.kill();
    }
    if (entries[0].revents == 0) continue;
    const std::size_t count = TRY(sys::read_some(output, buffer));
    if (count == 0) return !cancelled;
    if (options.on_output) options.on_output({reinterpret_cast<const char*>(buffer.data()), count});
  }
}

class Transient {
 public:
  Transient(const Parts& parts, const TransientOptions& options, std::string id, int lock)
      : parts_(parts),
        options_(options),
        id_(std::move(id)),
        lock_(lock),
        config_(to_config(options)),
        files_(container_paths(parts.store.paths(), id_)) {}

  Result<TransientResult> run();

 private:
  Result<Launched> launch(int output);

  const Parts& parts_;
  const TransientOptions& options_;
  std::string id_;
  int lock_;
  Config config_;
  ContainerPaths files_;
  sys::UniqueFd rootfs_;
  sys::MountStubs stubs_;  // the upper becomes a layer: they do not belong into it
};

Result<Launched> Transient::launch(int output) {
  const bool bridged = config_.network_mode == "bridge";
  PreparedRootfs prepared = TRY(prepare_rootfs(parts_.store.paths(), config_, rootfs_.get()));
  const oci::RuntimeSpec spec = TRY(make_spec({.id = id_,
                                               .config = config_,
                                               .user = std::move(prepared.user),
                                               .hostname_file = files_.hostname,
                                               .hosts_file = files_.hosts,
                                               .resolv_conf_file = files_.resolv_conf,
                                               .mount_sources = std::move(prepared.mount_sources),
                                               .cgroup = Containers::cgroup_path(id_)}));
  std::vector<std::string> targets;
  for (const oci::Mount& mount : spec.mounts) targets.push_back(mount.destination);
  stubs_ = TRY(sys::MountStubs::note(rootfs_.get(), targets));
  LaunchOptions launch = {.spec = spec, .rootfs_mount = rootfs_.get(), .configure_network = bridged};
  launch.seccomp = TRY(seccomp_source(config_));
  launch.output = output;
  launch.lock = lock_;
  Launched launched = TRY(Launched::launch(std::move(launch)));
  const auto attach = [&](int netns) -> Result<> {
    const network::Endpoint endpoint = TRY(parts_.networks.attach(id_, netns, {}));
    return add_own_address(id_, config_, files_, endpoint.address);
  };
  TRY(launched.wait_started(attach));
  return launched;
}

Result<TransientResult> Transient::run() {
  TRY(sys::make_directories(files_.run_directory, 0711));
  files_.hostname = files_.run_directory + "/hostname";
  files_.hosts = files_.run_directory + "/hosts";
  files_.resolv_conf = files_.run_directory + "/resolv.conf";
  TRY(write_etc_files(id_, config_, files_));
  rootfs_ = TRY(parts_.layers.mount_rootfs(options_.chain, options_.upper, options_.extra_lowers),
                "mount the root file system");
  sys::Pipe output = TRY(sys::make_pipe());
  Launched launched = TRY(launch(output.write.get()));
  output.write.reset();
  const bool finished = TRY(read_output(launched, output.read.get(), options_));
  if (!finished) {
    (void)!launched.wait_ended();
    return error(ErrorKind::kCancelled, "cancelled");
  }
  const sys::ExitStatus status = TRY(launched.wait_ended());
  TRY(stubs_.remove(rootfs_.get()), "remove mount points");
  TransientResult result = {.exit_code = status.shell_code()};
  if (result.exit_code == kKilled) {
    const Result<sys::Cgroup> cgroup = sys::Cgroup::open(Containers::cgroup_path(id_));
    if (cgroup) {
      const Result<sys::CgroupStatistics> statistics = cgroup->statistics();
      result.oom_killed = statistics && statistics->oom_kills.value_or(0) > 0;
    }
  }
  return result;
}

}  // namespace

Result<TransientResult> run_transient(const Parts& parts, const TransientOptions& options) {
  const std::string id = sys::random_hex(32);
  // Before the row: no sweep finds it without its holder. P inherits the lock and ends with us.
  const sys::ByteLock lock =
      TRY(sys::ByteLock::acquire(parts.store.paths().run_root + "/containers.lock", lock_byte(id)));
  Records records(parts.store.db());
  const ProcessIdentity self = TRY(own_identity());
  TRY(records.insert_transient(id, self));
  Result<TransientResult> result = Transient(parts, options, id, lock.fd()).run();
  Result<> released = release(parts, id, options.network_mode == "bridge");
  if (released) released = records.erase_transient(id);
  // What could not be given back is the next sweep's; the step's own outcome counts.
  if (result && !released) return std::move(released).take_error();
  return result;
}

}  // namespace strata::containers
