#include "sys/mount_attr.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mount.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace strata::sys {

Result<> set_mount_attributes(int mount, const MountAttributes& attributes) {
  mount_attr attr{};
  attr.attr_set = attributes.set;
  attr.attr_clr = attributes.clear;
  attr.propagation = attributes.propagation;
  const unsigned flags = AT_EMPTY_PATH | (attributes.recursive ? AT_RECURSIVE : 0u);
  if (::syscall(SYS_mount_setattr, mount, "", flags, &attr, sizeof attr) != 0)
    return Error::from_errno(errno, "mount_setattr");
  return {};
}

Result<UniqueFd> clone_mount_at(int directory, const std::string& path, bool recursive, bool no_follow) {
  unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC;
  if (path.empty()) flags |= AT_EMPTY_PATH;
  if (recursive) flags |= AT_RECURSIVE;
  if (no_follow) flags |= AT_SYMLINK_NOFOLLOW;
  UniqueFd mount(static_cast<int>(::syscall(SYS_open_tree, directory, path.c_str(), flags)));
  if (!mount) return error_from(errno, "open_tree{}{}", path.empty() ? "" : " ", path);
  return mount;
}

Result<> attach_mount_at(int mount, int target) {
  if (::syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) != 0)
    return Error::from_errno(errno, "move_mount");
  return {};
}

Result<> change_root(int root) {
  if (::fchdir(root) != 0) return Error::from_errno(errno, "fchdir to the new root");
  // The old root lands on top of the new one, from where it is unmounted: no directory is needed
  // for it.
  if (::syscall(SYS_pivot_root, ".", ".") != 0) return Error::from_errno(errno, "pivot_root");
  // A mount that is still shared with the host must not take the host's with it.
  if (::mount(nullptr, ".", nullptr, MS_SLAVE | MS_REC, nullptr) != 0)
    return Error::from_errno(errno, "make the old root a slave");
  if (::umount2(".", MNT_DETACH) != 0) return Error::from_errno(errno, "unmount the old root");
  if (::chdir("/") != 0) return Error::from_errno(errno, "chdir /");
  return {};
}

Result<> require_procfs(int fd) {
  struct statfs64 status{};
  if (::fstatfs64(fd, &status) != 0) return Error::from_errno(errno, "statfs");
  if (status.f_type != PROC_SUPER_MAGIC)
    return error(ErrorKind::kPermissionDenied, "what should be /proc is another file system");
  return {};
}

}  // namespace strata::sys
