// Paths that an image, a user or an archive chose, resolved inside a root: "..", absolute paths and
// symlinks stay below it, as if after chroot(2). openat2(2) with RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
// where the kernel lacks it (or STRATA_NO_OPENAT2 is set, for tests) a walk component by component
// with the same outcome. `root` is a directory descriptor (O_PATH will do) that the caller keeps.
// Errors carry openat2's errno and the path.
#pragma once

#include <sys/stat.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

// Opens `path` below `root`; the last component is followed unless flags has O_NOFOLLOW.
// With O_CREAT, missing parents are an error (see make_directories_in_root).
Result<UniqueFd> open_in_root(int root, std::string_view path, int flags, mode_t mode = 0);

// The directory that holds the last component of `path` (symlinks on the way followed within the
// root), and that component's name; "/" gives the root and ".".
struct RootedParent {
  UniqueFd directory;
  std::string name;
};
Result<RootedParent> open_parent_in_root(int root, std::string_view path);

// mkdir -p below the root, following symlinks within it; returns the directory. New directories get
// `mode` (umask ignored) and, unless -1, owner and group.
Result<UniqueFd> make_directories_in_root(int root, std::string_view path, mode_t mode = 0755,
                                          uid_t uid = static_cast<uid_t>(-1), gid_t gid = static_cast<gid_t>(-1));

// What `path` is once all symlinks (the last one too) are resolved inside the root: absolute, no "..".
Result<std::string> resolve_in_root(int root, std::string_view path);

// The same for what may not exist yet: symlinks are followed as far as they lead, also to where nothing is, and
// missing names are kept. What is made there is what the path then means.
Result<std::string> resolve_new_in_root(int root, std::string_view path);

}  // namespace strata::sys
