// A directory as its file reads: blocks of entries, each with its names behind them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

#include "codec/erofs_head.h"
#include "codec/erofs_tree.h"

namespace strata::codec {

inline constexpr std::size_t kDirentSize = 12;

// FT_… as directories name types.
inline std::uint8_t dirent_type(FileType type) {
  static constexpr std::uint8_t kTypes[] = {1, 2, 7, 3, 4, 5};
  return kTypes[static_cast<int>(type)];
}

template <class Emit>  // Emit(block number, first entry, past the last one, bytes used)
void cut_into_blocks(std::span<const ErofsEntry> entries, Emit emit) {
  std::size_t first = 0, used = 0, block = 0;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const std::size_t need = kDirentSize + entries[i].name.size();
    if (used + need > kErofsBlock) {
      emit(block++, first, i, used);
      first = i;
      used = 0;
    }
    used += need;
  }
  emit(block, first, entries.size(), used);
}

// The entries of one block, which is zeros. Of an inode: its number, and its type.
template <class NumberOf, class TypeOf>
void fill_directory_block(std::span<const ErofsEntry> entries, std::span<std::byte> block, NumberOf number_of,
                          TypeOf type_of) {
  std::size_t name_offset = entries.size() * kDirentSize;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::byte* at = block.data() + i * kDirentSize;
    put<std::uint64_t>(at, number_of(entries[i].inode));
    put<std::uint16_t>(at + 8, static_cast<std::uint16_t>(name_offset));
    at[10] = std::byte{dirent_type(type_of(entries[i].inode))};
    std::memcpy(block.data() + name_offset, entries[i].name.data(), entries[i].name.size());
    name_offset += entries[i].name.size();
  }
}

}  // namespace strata::codec
