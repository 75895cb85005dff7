#include "sys/byte_lock.h"

#include <fcntl.h>

#include <cerrno>

#include "sys/file.h"

namespace strata::sys {
namespace {

// False when it is busy and `command` does not wait.
Result<bool> lock(int fd, std::uint64_t byte, int command, const std::string& path) {
  struct flock range = {};
  range.l_type = F_WRLCK;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(byte & INT64_MAX);
  range.l_len = 1;
  while (::fcntl(fd, command, &range) != 0) {
    if (errno == EAGAIN || errno == EACCES) return false;
    if (errno != EINTR) return error_from(errno, "lock {}", path);
  }
  return true;
}

}  // namespace

Result<ByteLock> ByteLock::acquire(const std::string& path, std::uint64_t byte) {
  UniqueFd fd = TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  TRY(lock(fd.get(), byte, F_OFD_SETLKW, path));
  return ByteLock(std::move(fd));
}

Result<std::optional<ByteLock>> ByteLock::try_acquire(const std::string& path, std::uint64_t byte) {
  UniqueFd fd = TRY(open_file(path, O_RDWR | O_CREAT, 0600));
  if (!TRY(lock(fd.get(), byte, F_OFD_SETLK, path))) return std::nullopt;
  return ByteLock(std::move(fd));
}

}  // namespace strata::sys
