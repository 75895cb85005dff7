// Mounts by descriptor: fsopen(2), fsconfig(2), fsmount(2), move_mount(2), open_tree(2) (Linux 5.2).
//
// A mount made here is detached: it is in no mount namespace and goes when its descriptor does, unless
// it is moved somewhere. Errors carry the errno and what the kernel says about it in the context's log.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

// A file system being configured. Each set_… is one fsconfig(2); keys and values are the mount options.
class [[nodiscard]] FsContext {
 public:
  static Result<FsContext> open(const std::string& type);
  // The file system whose mount's root is `path` (fspick(2)); EINVAL when no mount's root is there.
  static Result<FsContext> pick(const std::string& path);

  Result<> set_flag(const std::string& key);
  Result<> set_string(const std::string& key, const std::string& value);  // at most 255 bytes
  Result<> set_fd(const std::string& key, int fd);
  // Makes the superblock and a detached mount of it. `attributes`: MOUNT_ATTR_… of <sys/mount.h>.
  Result<UniqueFd> mount(unsigned attributes);
  // Gives a picked one the new options, for all who use it.
  Result<> reconfigure();

 private:
  FsContext(UniqueFd fd, std::string type) : fd_(std::move(fd)), type_(std::move(type)) {}
  Error failure(std::string_view what, int error_number);

  UniqueFd fd_;
  std::string type_;
};

// Attaches a detached mount to a directory (or file) of ours.
Result<> attach_mount(int mount, const std::string& target);
// A detached copy of the mount at `path` (its root becomes that directory); recursive: with those below.
Result<UniqueFd> clone_mount(const std::string& path, bool recursive);
// bind mount of a path onto itself or elsewhere, and its propagation made private.
Result<> bind_private(const std::string& source, const std::string& target);
// umount2(2); `flags` as there (MNT_DETACH, UMOUNT_NOFOLLOW).
Result<> unmount(const std::string& path, int flags = 0);

// statfs(2)'s f_type.
Result<std::uint64_t> file_system_type(int fd);
inline constexpr std::uint64_t kErofsMagic = 0xE0F5E1E2;
inline constexpr std::uint64_t kOverlayMagic = 0x794C7630;

// Bytes that a process without privileges may still write there (f_bavail).
Result<std::uint64_t> free_space(int fd);

// The mounts right below a directory, in this mount namespace: names, and the options of their file systems.
Result<std::map<std::string, std::string>> mounts_in(const std::string& directory);

// Whether a mount's root is exactly here (statx(2)'s STATX_ATTR_MOUNT_ROOT, Linux 5.8).
Result<bool> is_mount_point(const std::string& path);

}  // namespace strata::sys
