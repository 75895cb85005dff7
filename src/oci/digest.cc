#include "oci/digest.h"

#include <algorithm>

#include "base/strings.h"
#include "codec/sha256.h"

namespace strata::oci {
namespace {

constexpr std::string_view kPrefix = "sha256:";

bool is_lower_hex(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos || colon == 0 || colon + 1 == text.size())
    return error(ErrorKind::kInvalidArgument, "invalid checksum digest format");
  if (!text.starts_with(kPrefix)) return error(ErrorKind::kUnsupported, "unsupported digest algorithm");
  return from_hex(text.substr(kPrefix.size()));
}

Result<Digest> Digest::from_hex(std::string_view hex) {
  if (!std::ranges::all_of(hex, is_lower_hex))
    return error(ErrorKind::kInvalidArgument, "invalid checksum digest format");
  if (hex.size() != 64) return error(ErrorKind::kInvalidArgument, "invalid checksum digest length");
  return Digest(std::string(hex));
}

Digest Digest::from_bytes(std::span<const std::byte, 32> hash) { return Digest(strata::hex(hash)); }

Digest Digest::of(std::span<const std::byte> bytes) {
  codec::Sha256 hash;
  hash.update(bytes);
  return from_bytes(hash.finish());
}

Digest Digest::of(std::string_view bytes) { return of(std::as_bytes(std::span(bytes))); }

std::string Digest::to_string() const { return empty() ? "" : std::string(kPrefix) + hex_; }

}  // namespace strata::oci
