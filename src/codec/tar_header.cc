#include "codec/tar_header.h"

#include <algorithm>
#include <cstring>

namespace strata::codec {
namespace {

std::optional<std::int64_t> parse_base256(std::string_view field) {
  const bool negative = (field[0] & 0x40) != 0;
  // Two's complement over the whole field, of which the first bit is only the mark.
  std::uint64_t value = negative ? ~std::uint64_t{0} : 0;
  for (std::size_t i = 0; i < field.size(); ++i) {
    auto byte = static_cast<unsigned char>(field[i]);
    if (i == 0) byte = negative ? (byte | 0x80) : (byte & 0x7f);
    const std::uint64_t top = value >> 55;  // what would be shifted out, and the sign
    if (top != (negative ? 0x1ff : 0)) return std::nullopt;
    value = value << 8 | byte;
  }
  return static_cast<std::int64_t>(value);
}

bool is_filler(char c) { return c == ' ' || c == '\0'; }

}  // namespace

std::string_view TarBlock::text(TarField field) const {
  const std::string_view all = this->field(field);
  return all.substr(0, all.find('\0'));
}

void TarBlock::set(TarField field, std::string_view text) {
  std::memcpy(bytes.data() + field.offset, text.data(), std::min(text.size(), field.length));
}

bool TarBlock::is_zero() const {
  return std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == 0; });
}

std::int64_t TarBlock::unsigned_checksum() const {
  std::int64_t sum = ' ' * static_cast<std::int64_t>(kTarChecksum.length);
  for (const char c : bytes) sum += static_cast<unsigned char>(c);
  for (const char c : field(kTarChecksum)) sum -= static_cast<unsigned char>(c);
  return sum;
}

std::int64_t TarBlock::signed_checksum() const {
  std::int64_t sum = ' ' * static_cast<std::int64_t>(kTarChecksum.length);
  for (const char c : bytes) sum += static_cast<signed char>(c);
  for (const char c : field(kTarChecksum)) sum -= static_cast<signed char>(c);
  return sum;
}

std::optional<std::int64_t> parse_tar_number(std::string_view field) {
  if (field.empty()) return std::nullopt;
  if ((field[0] & 0x80) != 0) return parse_base256(field);
  std::size_t i = 0;
  while (i < field.size() && is_filler(field[i])) ++i;
  std::int64_t value = 0;  // 12 digits at most: 36 bits
  for (; i < field.size() && field[i] >= '0' && field[i] <= '7'; ++i) value = value * 8 + (field[i] - '0');
  if (i < field.size() && !is_filler(field[i])) return std::nullopt;
  return value;
}

bool format_tar_number(TarBlock& block, TarField field, std::uint64_t value) {
  char* const begin = block.bytes.data() + field.offset;
  char* at = begin + field.length - 1;
  *at = '\0';
  while (at != begin) {
    *--at = static_cast<char>('0' + (value & 7));
    value >>= 3;
  }
  return value == 0;
}

}  // namespace strata::codec
