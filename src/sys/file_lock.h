// A lock on a file that the kernel drops with its holder, however the holder ends: flock(2).
// It belongs to the open file description: a fork shares it, another open() does not.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

class [[nodiscard]] FileLock {
 public:
  enum class Mode { kShared, kExclusive };

  // Waits. The file is created (0600) when it is missing, and never removed by this type.
  static Result<FileLock> acquire(const std::string& path, Mode mode = Mode::kExclusive);
  // nullopt when somebody else holds it.
  static Result<std::optional<FileLock>> try_acquire(const std::string& path, Mode mode = Mode::kExclusive);

  // The descriptor, to be handed to a child that shall hold the lock too.
  int fd() const { return fd_.get(); }

 private:
  explicit FileLock(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace strata::sys
