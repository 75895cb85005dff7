#include "codec/erofs_xattrs.h"

#include <cstring>
#include <optional>

namespace strata::codec {
namespace {

using Numbered = std::pair<std::string_view, std::uint8_t>;
constexpr Numbered kAcls[] = {{"system.posix_acl_access", 2}, {"system.posix_acl_default", 3}};
constexpr Numbered kPrefixes[] = {{"user.", 1}, {"trusted.", 4}, {"security.", 6}};

struct Name {
  std::uint8_t index;
  std::string_view rest;
};

std::optional<Name> split_name(std::string_view name) {
  for (const auto& [acl, index] : kAcls)
    if (name == acl) return Name{index, ""};
  for (const auto& [prefix, index] : kPrefixes)
    if (name.starts_with(prefix) && name.size() > prefix.size()) return Name{index, name.substr(prefix.size())};
  return std::nullopt;
}

constexpr std::size_t kHeader = 12;

}  // namespace

bool erofs_can_hold_xattr(std::string_view name, std::size_t value_size) {
  const auto split = split_name(name);
  return split && split->rest.size() <= 255 && value_size <= 0xFFFF;
}

std::optional<std::string_view> erofs_xattr_prefix(std::uint8_t index) {
  for (const auto& names : {std::span<const Numbered>(kAcls), std::span<const Numbered>(kPrefixes)})
    for (const auto& [prefix, number] : names)
      if (number == index) return prefix;
  return std::nullopt;
}

std::size_t erofs_xattr_size(const XattrSet& set) {
  if (set.empty()) return 0;
  std::size_t size = kHeader;
  for (const auto& [name, value] : set) size += (4 + split_name(name)->rest.size() + value.size() + 3) / 4 * 4;
  return size;
}

std::uint16_t erofs_xattr_count(std::size_t size) {
  return size == 0 ? 0 : static_cast<std::uint16_t>((size - kHeader) / 4 + 1);
}

void write_erofs_xattrs(const XattrSet& set, std::span<std::byte> out) {
  std::byte* at = out.data() + kHeader;  // name filter 0: not used; no shared xattrs
  for (const auto& [name, value] : set) {
    const Name split = *split_name(name);
    const auto value_size = static_cast<std::uint16_t>(value.size());
    at[0] = static_cast<std::byte>(split.rest.size());
    at[1] = static_cast<std::byte>(split.index);
    std::memcpy(at + 2, &value_size, 2);
    std::memcpy(at + 4, split.rest.data(), split.rest.size());
    std::memcpy(at + 4 + split.rest.size(), value.data(), value.size());
    at += (4 + split.rest.size() + value.size() + 3) / 4 * 4;
  }
}

}  // namespace strata::codec
