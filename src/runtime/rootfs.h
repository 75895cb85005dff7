// The container's file system tree, built in the child.
//
// - Every mount is made detached and placed by descriptor; every destination is resolved inside the
//   container's root. No path of an image is ever looked up by the host's rules.
// - Sources of binds are opened before anything of the container's is reachable.
// - /proc and /sys go on plain directories only, and nothing is written to a file that merely
// claims to
//   be in /proc (CVE-2025-52881): see require_procfs().
// - What masks a file is the host's /dev/null, taken before, not a path in the container
// (CVE-2025-31133);
//   what becomes /dev/console is the pty's own descriptor (CVE-2025-52565).
#pragma once

#include "base/result.h"
#include "runtime/container_plan.h"
#include "sys/pty.h"
#include "sys/unique_fd.h"

namespace strata::runtime {

struct BuiltRootfs {
  sys::Pty pty;           // when the process has a terminal
  sys::UniqueFd sysctls;  // /proc/sys of the container's own procfs, beneath what makes it read-only there
};

// Afterwards "/" is the container's, the host's tree is gone. Call it in the child, in its new
// namespaces.
Result<BuiltRootfs> build_rootfs(const ContainerPlan& plan);

}  // namespace strata::runtime
