// Many locks in one file: an open-file-description lock (fcntl(2), F_OFD_SETLK) on a single byte, which
// need not exist. The kernel drops it with the last descriptor of the description, so a forked child that
// keeps the descriptor holds the lock too. Two acquisitions exclude each other, also in one process.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

class [[nodiscard]] ByteLock {
 public:
  // Waits. The file is created (0600) when it is missing; whoever removes it breaks all its locks.
  static Result<ByteLock> acquire(const std::string& path, std::uint64_t byte);
  // nullopt when somebody else holds it.
  static Result<std::optional<ByteLock>> try_acquire(const std::string& path, std::uint64_t byte);

  int fd() const { return fd_.get(); }

 private:
  explicit ByteLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace strata::sys
