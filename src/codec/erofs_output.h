// The growing image file, written from its beginning to its end in large pieces.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "codec/erofs_writer.h"

namespace strata::codec {

class ErofsOutput {
 public:
  explicit ErofsOutput(ErofsFiles& files) : files_(files) {}

  // Where the next byte goes.
  std::uint64_t position() const { return position_; }
  Result<> write(std::span<const std::byte> bytes);
  // Zeros up to there; a long gap stays a hole of the file.
  Result<> pad_to(std::uint64_t offset);
  Result<> flush();

 private:
  ErofsFiles& files_;
  std::vector<std::byte> pending_;  // what of it is not in the file yet,
  std::uint64_t file_offset_ = 0;   // and where that goes
  std::uint64_t position_ = 0;
};

}  // namespace strata::codec
