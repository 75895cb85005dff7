// The beginning of an image, for the files that write it: positions and little-endian fields.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "codec/erofs_writer.h"

namespace strata::codec {

inline constexpr std::uint32_t kErofsMagic = 0xE0F5E1E2;
inline constexpr std::size_t kErofsSuperOffset = 1024;

template <class T>
void put(std::byte* place, T value) {
  static_assert(std::endian::native == std::endian::little);
  std::memcpy(place, &value, sizeof value);
}
template <class T>
T get(const std::byte* place) {
  T value;
  std::memcpy(&value, place, sizeof value);
  return value;
}

// CRC-32C of the superblock's block with its checksum field zero, not inverted at the end.
std::uint32_t erofs_head_checksum(std::span<const std::byte, kErofsHead> head);

}  // namespace strata::codec
