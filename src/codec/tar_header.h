// The 512-byte header block of a tar archive and the numbers in it (POSIX.1-1988 ustar, and what
// GNU tar and star made of it). Pure; shared by reader and writer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace strata::codec {

inline constexpr std::size_t kTarBlockSize = 512;

// Bytes from `size` up to the next block.
constexpr std::uint64_t tar_padding(std::uint64_t size) { return -size % kTarBlockSize; }

struct TarField {
  std::size_t offset;
  std::size_t length;
};
inline constexpr TarField kTarName{0, 100}, kTarMode{100, 8}, kTarUid{108, 8}, kTarGid{116, 8}, kTarSize{124, 12},
    kTarMtime{136, 12}, kTarChecksum{148, 8}, kTarType{156, 1}, kTarLinkName{157, 100},
    kTarMagic{257, 8} /* with the version */, kTarDevMajor{329, 8}, kTarDevMinor{337, 8}, kTarPrefix{345, 155};
// Old GNU sparse headers: four segments of two 12-byte numbers, "more blocks follow", the real
// size.
inline constexpr TarField kTarGnuSparse{386, 96}, kTarGnuIsExtended{482, 1}, kTarGnuRealSize{483, 12};
// A block of further segments (21), and its own "more follow".
inline constexpr TarField kTarGnuMoreSparse{0, 504}, kTarGnuMoreIsExtended{504, 1};
inline constexpr std::size_t kTarGnuSparseNumber = 12;

struct TarBlock {
  std::array<char, kTarBlockSize> bytes{};

  std::span<std::byte> writable() { return std::as_writable_bytes(std::span(bytes)); }
  std::string_view field(TarField field) const { return {bytes.data() + field.offset, field.length}; }
  // The field up to its first NUL.
  std::string_view text(TarField field) const;
  void set(TarField field, std::string_view text);

  bool is_zero() const;
  // The sum of the bytes with the checksum field as spaces; signed is what some old tars wrote.
  std::int64_t unsigned_checksum() const;
  std::int64_t signed_checksum() const;
};

// Octal digits between spaces and NULs, or GNU's base-256 (first bit set, two's complement). An
// empty field is 0. nullopt: anything else, or beyond 64 bits with sign.
std::optional<std::int64_t> parse_tar_number(std::string_view field);

// Octal with zeros in front and a NUL behind. False when it does not fit.
bool format_tar_number(TarBlock& block, TarField field, std::uint64_t value);

}  // namespace strata::codec
