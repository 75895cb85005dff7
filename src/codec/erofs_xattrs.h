// Extended attributes as EROFS keeps them beside an inode.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "codec/erofs_tree.h"

namespace strata::codec {

// Whether EROFS has a place for an xattr of this name and a value of this size: user., trusted.,
// security. and POSIX ACLs; at most 255 bytes behind the prefix, 65535 bytes of value.
bool erofs_can_hold_xattr(std::string_view name, std::size_t value_size);

// What names with this number in an image begin with: the whole name of an ACL.
std::optional<std::string_view> erofs_xattr_prefix(std::uint8_t index);

// All attributes of one inode may take this much.
inline constexpr std::size_t kErofsMaxXattrs = 12 + 4 * (0xFFFF - 1);

// Bytes behind the inode, a multiple of 4; 0 for none. Names must be ones that EROFS can hold.
std::size_t erofs_xattr_size(const XattrSet& set);
// i_xattr_icount for that many bytes.
std::uint16_t erofs_xattr_count(std::size_t size);
// Fills `out`, which is zero and has erofs_xattr_size() bytes.
void write_erofs_xattrs(const XattrSet& set, std::span<std::byte> out);

}  // namespace strata::codec
