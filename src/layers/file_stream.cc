#include "layers/file_stream.h"

#include "sys/file.h"

namespace strata::layers {
namespace {
constexpr std::size_t kBufferSize = 256 << 10;
}

Result<std::size_t> FileSource::read(std::span<std::byte> buffer) { return sys::read_some(fd_, buffer); }

FileSink::FileSink(int fd) : fd_(fd) { buffer_.reserve(kBufferSize); }

Result<> FileSink::write(std::span<const std::byte> bytes) {
  if (buffer_.size() + bytes.size() > kBufferSize) TRY(flush());
  if (bytes.size() >= kBufferSize) return sys::write_all(fd_, bytes);
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  return {};
}

Result<> FileSink::flush() {
  TRY(sys::write_all(fd_, buffer_));
  buffer_.clear();
  return {};
}

}  // namespace strata::layers
