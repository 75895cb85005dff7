// UniqueFd owns a file descriptor and closes it when it goes. Not thread-safe.
#pragma once

#include <utility>

#include "base/result.h"

namespace strata::sys {

class [[nodiscard]] UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // Gives the descriptor away.
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1);
  // Closes and reports what close(2) says; for files whose last write may fail there (NFS, quota).
  Result<> close();

 private:
  int fd_ = -1;
};

// All descriptors made here are close-on-exec.
Result<UniqueFd> duplicate(int fd);

struct Pipe {
  UniqueFd read;
  UniqueFd write;
};
Result<Pipe> make_pipe(int flags = 0);  // pipe2(2); flags beyond O_CLOEXEC, e.g. O_NONBLOCK

struct SocketPair {
  UniqueFd first;
  UniqueFd second;
};
Result<SocketPair> make_socket_pair(int type);  // unix(7); SOCK_STREAM or SOCK_SEQPACKET

Result<> set_close_on_exec(int fd, bool on);
Result<> set_nonblocking(int fd, bool on);

}  // namespace strata::sys
