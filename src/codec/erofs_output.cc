#include "codec/erofs_output.h"

namespace strata::codec {
namespace {

constexpr std::size_t kFlushAt = 256 << 10;
constexpr std::uint64_t kHole = 4096;

}  // namespace

Result<> ErofsOutput::write(std::span<const std::byte> bytes) {
  pending_.insert(pending_.end(), bytes.begin(), bytes.end());
  position_ += bytes.size();
  if (pending_.size() >= kFlushAt) return flush();
  return {};
}

Result<> ErofsOutput::pad_to(std::uint64_t offset) {
  const std::uint64_t gap = offset - position_;
  if (gap <= kHole) {
    pending_.resize(pending_.size() + gap);
  } else {
    TRY(flush());
    // The last byte is written, so that the file ends where the image does.
    file_offset_ = offset - 1;
    pending_.assign(1, std::byte{0});
  }
  position_ = offset;
  return {};
}

Result<> ErofsOutput::flush() {
  if (pending_.empty()) return {};
  TRY(files_.write(file_offset_, pending_));
  file_offset_ += pending_.size();
  pending_.clear();
  return {};
}

}  // namespace strata::codec
