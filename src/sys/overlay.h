// overlayfs with every option said, so that no module parameter or distribution default changes what an
// upper holds: redirect_dir=nofollow, metacopy=off, index=off, nfs_export=off, xino=off.
// https://docs.kernel.org/filesystems/overlayfs.html
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

struct OverlayOptions {
  // Directories, the topmost first, as descriptors (O_PATH will do; roots of detached mounts too).
  // At least one with an upper, two without; at most kMaxOverlayLowers.
  std::span<const int> lowers;
  // Empty: read-only. Both on one file system that can hold trusted xattrs and whiteouts.
  std::string upper;
  std::string work;
  bool volatile_ = false;  // never synced; an upper used so before is accepted again
  // A directory of ours where mount(2) may attach for a moment, on kernels that need it.
  std::string scratch = "/tmp";
};

inline constexpr std::size_t kMaxOverlayLowers = 500;

// A detached mount. By descriptors where the kernel takes them (Linux 6.13), by their names in
// /proc/self/fd where it takes one lower at a time (6.7) or all in one string (mount(2)).
Result<UniqueFd> mount_overlay(const OverlayOptions& options);

}  // namespace strata::sys
