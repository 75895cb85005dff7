// Files as byte streams. They borrow the descriptor.
#pragma once

#include <cstdint>
#include <vector>

#include "codec/byte_stream.h"

namespace strata::layers {

// Reads from the descriptor's position to the end of the file.
class FileSource final : public codec::ByteSource {
 public:
  explicit FileSource(int fd) : fd_(fd) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override;

 private:
  int fd_;
};

// Writes at the descriptor's position, collecting small writes. flush() must be called last.
class FileSink final : public codec::ByteSink {
 public:
  explicit FileSink(int fd);
  Result<> write(std::span<const std::byte> bytes) override;
  Result<> flush();

 private:
  int fd_;
  std::vector<std::byte> buffer_;
};

}  // namespace strata::layers
