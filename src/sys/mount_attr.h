// What a container's root needs beyond mount.h: mounts placed by descriptor, their attributes and
// propagation, and the change of root. All by descriptor, so that no path of an image is looked up
// twice. Sources: mount_setattr(2) (Linux 5.12), open_tree(2), move_mount(2), pivot_root(2).
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

struct MountAttributes {
  std::uint64_t set = 0, clear = 0;  // MOUNT_ATTR_…
  std::uint64_t propagation = 0;     // MS_PRIVATE, MS_SLAVE, MS_SHARED or MS_UNBINDABLE; 0: as it is
  bool recursive = false;
};
// Of the mount that `mount` lies on.
Result<> set_mount_attributes(int mount, const MountAttributes& attributes);

// A detached copy of the mount at `path` below `directory` ("" is the descriptor itself); symlinks
// are followed by the host's rules unless `no_follow`.
Result<UniqueFd> clone_mount_at(int directory, const std::string& path, bool recursive, bool no_follow = false);

// Attaches a detached mount onto what the O_PATH descriptor `target` stands for.
Result<> attach_mount_at(int mount, int target);

// Makes the mount whose root is `root` the root of this mount namespace and the working directory,
// and takes the old one away with all below it.
Result<> change_root(int root);

// Whether the descriptor lies on procfs: before anything is written there.
Result<> require_procfs(int fd);

}  // namespace strata::sys
