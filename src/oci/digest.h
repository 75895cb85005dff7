// A digest: the name that content gives itself, "sha256:<64 lower-case hex digits>".
// https://github.com/opencontainers/image-spec/blob/main/descriptor.md#digests
//
// - A digest is either empty (default-constructed: names nothing) or a valid sha256.
// - Other algorithms of the spec (sha512) are kUnsupported: no registry in use makes them.
#pragma once

#include <compare>
#include <cstddef>
#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::oci {

class Digest {
 public:
  Digest() = default;

  // Errors in Docker's words: "invalid checksum digest format", "… length", "unsupported digest
  // algorithm".
  static Result<Digest> parse(std::string_view text);
  // From 64 hexadecimal digits alone, or from the 32 bytes of a finished hash.
  static Result<Digest> from_hex(std::string_view hex);
  static Digest from_bytes(std::span<const std::byte, 32> hash);
  // The digest of these bytes.
  static Digest of(std::span<const std::byte> bytes);
  static Digest of(std::string_view bytes);

  bool empty() const { return hex_.empty(); }
  const std::string& hex() const { return hex_; }
  std::string to_string() const;  // "sha256:…"; "" when empty
  // The first 12 digits, as lists of images print it.
  std::string short_hex() const { return hex_.substr(0, 12); }

  auto operator<=>(const Digest&) const = default;

 private:
  explicit Digest(std::string hex) : hex_(std::move(hex)) {}
  std::string hex_;
};

}  // namespace strata::oci

template <>
struct std::hash<strata::oci::Digest> {
  std::size_t operator()(const strata::oci::Digest& digest) const noexcept {
    return std::hash<std::string>()(digest.hex());
  }
};
