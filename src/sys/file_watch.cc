#include "sys/file_watch.h"

#include <sys/inotify.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace strata::sys {

Result<FileWatch> FileWatch::create(const std::string& directory) {
  UniqueFd fd(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
  if (!fd) return Error::from_errno(errno, "inotify_init");
  constexpr std::uint32_t kEvents = IN_MODIFY | IN_CREATE | IN_MOVED_TO | IN_DELETE | IN_DELETE_SELF;
  if (::inotify_add_watch(fd.get(), directory.c_str(), kEvents) < 0) return error_from(errno, "watch {}", directory);
  return FileWatch(std::move(fd));
}

void FileWatch::clear() {
  alignas(8) std::array<char, 4096> buffer;
  while (::read(fd_.get(), buffer.data(), buffer.size()) > 0) {
  }
}

}  // namespace strata::sys
