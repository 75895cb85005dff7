// SHA-256 (FIPS 180-4) at the speed of libcrypto's assembly (SHA-NI where the processor has it).
// Making one costs nothing: no OpenSSL initialization, no allocation. Not thread-safe; copyable,
// so that the digest of a prefix can be taken while hashing goes on.
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

#include "codec/byte_stream.h"

namespace strata::codec {

using Sha256Digest = std::array<std::byte, 32>;

class Sha256 {
 public:
  Sha256();
  void update(std::span<const std::byte> bytes);
  // The object must not be used after this, but may be assigned a new one.
  Sha256Digest finish();

 private:
  alignas(8) std::array<std::byte, 112> state_;  // a SHA256_CTX, checked in the .cc
};

Sha256Digest sha256(std::span<const std::byte> bytes);
Sha256Digest sha256(std::string_view bytes);

// Hashes and counts what passes through.
class HashingSource final : public ByteSource {
 public:
  explicit HashingSource(ByteSource& in) : in_(in) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override;
  std::uint64_t count() const { return count_; }
  Sha256Digest digest() const { return Sha256(hash_).finish(); }

 private:
  ByteSource& in_;
  Sha256 hash_;
  std::uint64_t count_ = 0;
};

class HashingSink final : public ByteSink {
 public:
  explicit HashingSink(ByteSink& out) : out_(out) {}
  Result<> write(std::span<const std::byte> bytes) override;
  std::uint64_t count() const { return count_; }
  Sha256Digest digest() const { return Sha256(hash_).finish(); }

 private:
  ByteSink& out_;
  Sha256 hash_;
  std::uint64_t count_ = 0;
};

}  // namespace strata::codec
