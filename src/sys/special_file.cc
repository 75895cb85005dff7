#include "sys/special_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "sys/file.h"

namespace strata::sys {

Result<> make_node(int directory, const std::string& name, mode_t type_and_mode, unsigned major, unsigned minor,
                   uid_t uid, gid_t gid) {
  const dev_t device = makedev(major, minor);
  if (::mknodat(directory, name.c_str(), type_and_mode, device) != 0) {
    if (errno != EEXIST) return error_from(errno, "create device {}", name);
    struct stat there{};
    if (::fstatat(directory, name.c_str(), &there, AT_SYMLINK_NOFOLLOW) != 0)
      return error_from(errno, "device {}", name);
    if ((there.st_mode & S_IFMT) != (type_and_mode & S_IFMT) || (!S_ISFIFO(there.st_mode) && there.st_rdev != device))
      return error(ErrorKind::kConflict, "device {}: something else is there", name);
    return {};
  }
  // mknod takes the umask away.
  if (::fchmodat(directory, name.c_str(), type_and_mode & 07777, 0) != 0)
    return error_from(errno, "chmod device {}", name);
  if ((uid != 0 || gid != 0) && ::fchownat(directory, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW) != 0)
    return error_from(errno, "chown device {}", name);
  return {};
}

Result<> make_symlink(int directory, const std::string& name, const std::string& target) {
  if (::symlinkat(target.c_str(), directory, name.c_str()) != 0 && errno != EEXIST)
    return error_from(errno, "create symlink {}", name);
  return {};
}

Result<bool> is_character_device(int fd, unsigned major, unsigned minor) {
  const struct stat status = TRY(stat_fd(fd));
  return S_ISCHR(status.st_mode) && status.st_rdev == makedev(major, minor);
}

}  // namespace strata::sys
