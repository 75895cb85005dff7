// Memory by the page, for a process that must stay small. No libfmt here: the monitor uses this.
#pragma once

#include <cstddef>
#include <span>
#include <utility>

#include "base/result.h"

namespace strata::sys {

// An anonymous mapping, zeroed: only pages that were touched count. Unmapped with its owner.
class [[nodiscard]] PageBuffer {
 public:
  PageBuffer() = default;
  static Result<PageBuffer> create(std::size_t size);
  PageBuffer(PageBuffer&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  PageBuffer& operator=(PageBuffer&& other) noexcept {
    std::swap(bytes_, other.bytes_);
    return *this;
  }
  ~PageBuffer();

  std::span<std::byte> bytes() const { return bytes_; }
  // Gives the pages back; the content is zeros then.
  void forget();

 private:
  std::span<std::byte> bytes_;
};

}  // namespace strata::sys
