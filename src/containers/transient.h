// A container without a record: a RUN step of a build.
//
// It dies with this process, and what it held (cgroup, address, directories of the lease) is found and
// given back by the next command's sweep when this process dies before doing so itself.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "containers/containers.h"
#include "layers/layers.h"
#include "oci/digest.h"

namespace strata::containers {

struct TransientOptions {
  std::vector<oci::Digest> chain;           // layers of the rootfs, bottom first
  std::vector<std::string> extra_lowers;    // see layers::Layers::mount_rootfs
  const layers::UpperDir* upper = nullptr;  // the caller's; it outlives the call
  std::vector<std::string> arguments;       // argv; never empty
  std::vector<std::string> env;             // "K=V"; PATH and HOME are added when missing
  std::string user;                         // "name|uid[:group|gid]"; "" = root
  std::string working_dir;                  // "" = /; made when missing
  std::string network_mode = "bridge";      // bridge | none | host
  std::string hostname = "buildkitsandbox";
  std::vector<Mount> mounts;  // binds and tmpfs
  std::vector<std::string> cap_add;
  bool privileged = false;
  std::uint64_t shm_size = 64 << 20;
  // Whole chunks as they come, standard output and error merged in order; called in this thread.
  std::function<void(std::string_view)> on_output;
  // Readable when the step shall be killed (a signalfd, an eventfd); -1 = never.
  int cancel_fd = -1;
};

struct TransientResult {
  int exit_code = 0;  // 128 + signal when killed by one
  bool oom_killed = false;
};

// Errors: kCommandNotFound, kCommandNotRunnable, kCancelled, and what could not be set up.
Result<TransientResult> run_transient(const Parts& parts, const TransientOptions& options);

}  // namespace strata::containers
