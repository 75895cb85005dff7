// What a container needs that depends on its root file system: its user, its working directory, the
// sources of its mounts.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "containers/container.h"
#include "containers/rootfs_user.h"
#include "containers/spec.h"
#include "runtime/create.h"
#include "store/store.h"

namespace strata::containers {

struct PreparedRootfs {
  RootfsUser user;
  std::vector<std::string> mount_sources;  // for SpecInputs
};

// `rootfs` is a descriptor of the root of the (writable) root file system. Makes the working directory,
// missing bind sources and volumes.
Result<PreparedRootfs> prepare_rootfs(const store::Paths& paths, const Config& config, int rootfs);

// Docker's default profile, or none: --privileged, --security-opt seccomp=unconfined.
Result<runtime::SeccompSource> seccomp_source(const Config& config);

}  // namespace strata::containers
