#include "sys/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cerrno>

#include "sys/file.h"

namespace strata::sys {
namespace {

// True when locked; false when it is busy and `operation` has LOCK_NB. A file that was removed between
// open and lock would be a lock nobody else sees, so its link count is checked and the open repeated.
Result<UniqueFd> lock(const std::string& path, int operation) {
  for (;;) {
    UniqueFd fd = TRY(open_file(path, O_RDWR | O_CREAT, 0600));
    while (::flock(fd.get(), operation) != 0) {
      if (errno == EWOULDBLOCK) return UniqueFd();
      if (errno != EINTR) return error_from(errno, "lock {}", path);
    }
    if (TRY(stat_fd(fd.get())).st_nlink > 0) return fd;
  }
}

}  // namespace

Result<FileLock> FileLock::acquire(const std::string& path, Mode mode) {
  return FileLock(TRY(lock(path, mode == Mode::kShared ? LOCK_SH : LOCK_EX)));
}

Result<std::optional<FileLock>> FileLock::try_acquire(const std::string& path, Mode mode) {
  UniqueFd fd = TRY(lock(path, (mode == Mode::kShared ? LOCK_SH : LOCK_EX) | LOCK_NB));
  if (!fd) return std::nullopt;
  return FileLock(std::move(fd));
}

}  // namespace strata::sys
