// Bytes in and bytes out: the two seams between decompressors, tar, hashes and whoever owns a
// descriptor. An object is used by one thread at a time; sources and sinks that wrap another one
// only borrow it, so the inner one must outlive them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::codec {

class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Up to buffer.size() bytes, at least one unless the end is reached; 0 is the end (and stays it).
  // `buffer` is not empty.
  virtual Result<std::size_t> read(std::span<std::byte> buffer) = 0;
  // Passes over `count` bytes, or over what there is to the end; returns how many that were. For sources that
  // need not copy what nobody wants.
  virtual Result<std::uint64_t> skip(std::uint64_t count);
};

class ByteSink {
 public:
  virtual ~ByteSink() = default;
  // All of `bytes`, or an error.
  virtual Result<> write(std::span<const std::byte> bytes) = 0;
};

// Reads until the buffer is full or the source ends; fewer bytes than asked only at the end.
Result<std::size_t> read_full(ByteSource& source, std::span<std::byte> buffer);
// Everything up to the source's end goes to the sink; returns how many bytes that were.
Result<std::uint64_t> copy_all(ByteSource& source, ByteSink& sink);
// The rest of the source in memory; more than `limit` bytes is kResourceExhausted.
Result<std::string> read_all(ByteSource& source, std::size_t limit);

// Bytes that lie in memory; they must outlive the source.
class MemorySource final : public ByteSource {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : rest_(bytes) {}
  explicit MemorySource(std::string_view bytes) : rest_(std::as_bytes(std::span(bytes))) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override;

 private:
  std::span<const std::byte> rest_;
};

// Collects what is written, without bound: for small things and tests.
class MemorySink final : public ByteSink {
 public:
  Result<> write(std::span<const std::byte> bytes) override;
  const std::string& bytes() const { return bytes_; }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

// A source whose first bytes can be looked at before they are read.
class PeekedSource final : public ByteSource {
 public:
  // Reads up to `count` bytes of `in` ahead.
  static Result<std::unique_ptr<PeekedSource>> create(ByteSource& in, std::size_t count);
  // What was read ahead; shorter than asked when `in` is.
  std::span<const std::byte> head() const { return std::as_bytes(std::span(head_)); }
  Result<std::size_t> read(std::span<std::byte> buffer) override;

 private:
  explicit PeekedSource(ByteSource& in) : in_(in) {}
  ByteSource& in_;
  std::string head_;
  std::size_t used_ = 0;
};

}  // namespace strata::codec
