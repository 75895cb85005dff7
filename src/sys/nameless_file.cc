#include "sys/nameless_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "sys/file.h"

namespace strata::sys {

Result<UniqueFd> open_nameless_file(const std::string& directory) {
  auto file = open_file(directory, O_WRONLY | O_TMPFILE, 0600);
  // Kernels and file systems that do not know the flag open a directory for writing.
  if (!file && file.error().error_number() == EISDIR) return Error::from_errno(EOPNOTSUPP, "open " + directory);
  return file;
}

Result<> name_file(int fd, const std::string& path) {
  // Through /proc: AT_EMPTY_PATH would take a capability.
  const std::string self = "/proc/self/fd/" + std::to_string(fd);
  if (::linkat(AT_FDCWD, self.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0)
    return Error::from_errno(errno, "linkat " + path);
  return {};
}

}  // namespace strata::sys
