// A copy of the compressed bytes on their way into a worker, so that an interrupted download can go on.
// It is a convenience: when it cannot be kept (no space, an error of the disk) it is given up, silently.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace strata::layers {

class KeptBytes {
 public:
  // `fd` is borrowed; -1 keeps nothing.
  explicit KeptBytes(int fd) : fd_(fd) {}
  // `position`: of the first byte in the blob.
  void append(std::span<const std::byte> bytes, std::uint64_t position);

 private:
  void give_up();
  int fd_;
  std::uint64_t checked_ = 0;
};

}  // namespace strata::layers
