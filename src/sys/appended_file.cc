#include "sys/appended_file.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace strata::sys {

Result<UniqueFd> open_directory(const char* path) {
  UniqueFd fd(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, path);
  return fd;
}

Result<AppendedFile> open_appended(int directory, const char* name) {
  AppendedFile file;
  file.fd.reset(::openat(directory, name, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640));
  struct stat status{};
  if (!file.fd || ::fstat(file.fd.get(), &status) != 0) return Error::from_errno(errno, name);
  file.size = static_cast<std::uint64_t>(status.st_size);
  char last = '\n';
  if (file.size > 0 && ::pread(file.fd.get(), &last, 1, status.st_size - 1) != 1) return Error::from_errno(errno, name);
  file.ends_with_newline = last == '\n';
  return file;
}

Written append(int fd, std::span<const std::byte> bytes) {
  Written done;
  while (done.count < bytes.size()) {
    const ssize_t n = ::write(fd, bytes.data() + done.count, bytes.size() - done.count);
    if (n > 0) {
      done.count += static_cast<std::size_t>(n);
    } else if (n == 0 || errno != EINTR) {
      done.error_number = n == 0 ? ENOSPC : errno;
      return done;
    }
  }
  return done;
}

Result<> rename_in(int directory, const char* from, const char* to) {
  if (::renameat(directory, from, directory, to) != 0 && errno != ENOENT) return Error::from_errno(errno, "rename");
  return {};
}

Result<> remove_in(int directory, const char* name) {
  if (::unlinkat(directory, name, 0) != 0 && errno != ENOENT) return Error::from_errno(errno, "unlink");
  return {};
}

Result<> replace_in(int directory, const char* name, std::string_view content) {
  std::array<char, 256> temporary{};
  const std::size_t length = std::strlen(name);
  if (length + 5 > temporary.size()) return Error(ErrorKind::kInvalidArgument, "the name is too long");
  std::memcpy(temporary.data(), name, length);
  std::memcpy(temporary.data() + length, ".new", 4);
  UniqueFd fd(::openat(directory, temporary.data(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (!fd) return Error::from_errno(errno, name);
  const Written written = append(fd.get(), std::as_bytes(std::span(content)));
  if (written.error_number != 0) return Error::from_errno(written.error_number, name);
  if (::renameat(directory, temporary.data(), directory, name) != 0) return Error::from_errno(errno, name);
  return {};
}

}  // namespace strata::sys
