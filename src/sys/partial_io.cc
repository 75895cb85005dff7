#include "sys/partial_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace strata::sys {
namespace {

Result<std::optional<std::size_t>> outcome(ssize_t n, const char* call) {
  if (n >= 0) return std::optional(static_cast<std::size_t>(n));
  if (errno == EAGAIN || errno == EWOULDBLOCK) return std::optional<std::size_t>();
  return Error::from_errno(errno, call);
}

}  // namespace

Result<std::optional<std::size_t>> read_ready(int fd, std::span<std::byte> buffer) {
  ssize_t n = 0;
  do n = ::read(fd, buffer.data(), buffer.size());
  while (n < 0 && errno == EINTR);
  return outcome(n, "read");
}

Result<std::optional<std::size_t>> write_ready(int fd, std::span<const std::byte> bytes) {
  ssize_t n = 0;
  do n = ::write(fd, bytes.data(), bytes.size());
  while (n < 0 && errno == EINTR);
  return outcome(n, "write");
}

void widen_pipe(int fd, int bytes) { (void)::fcntl(fd, F_SETPIPE_SZ, bytes); }

}  // namespace strata::sys
