#include "codec/posix_acl.h"

#include <algorithm>
#include <cstdint>
#include <tuple>
#include <vector>

#include "base/strings.h"

namespace strata::codec {
namespace {

enum Tag : std::uint16_t {
  kUserObj = 0x01,
  kUser = 0x02,
  kGroupObj = 0x04,
  kGroup = 0x08,
  kMask = 0x10,
  kOther = 0x20,
};
constexpr std::uint32_t kNoId = 0xffffffff;
constexpr std::uint32_t kVersion = 2;
constexpr std::size_t kMaxEntries = 8000;  // what fits an xattr of 64 KB

struct Entry {
  std::uint16_t tag;
  std::uint16_t permissions;
  std::uint32_t id;
};

std::optional<std::uint16_t> parse_permissions(std::string_view text) {
  std::uint16_t bits = 0;
  for (const char c : text) {
    if (c == 'r')
      bits |= 4;
    else if (c == 'w')
      bits |= 2;
    else if (c == 'x')
      bits |= 1;
    else if (c != '-')
      return std::nullopt;
  }
  return bits;
}

std::optional<Entry> parse_entry(std::string_view text) {
  const std::vector<std::string_view> fields = split(text, ':');
  if (fields.size() < 2) return std::nullopt;
  const std::string_view kind = trim(fields[0]);
  const bool user = kind == "user" || kind == "u", group = kind == "group" || kind == "g";
  if (kind == "mask" || kind == "m" || kind == "other" || kind == "o") {
    // "mask::rwx", and Solaris' "mask:rwx".
    const bool solaris = fields.size() == 2;
    if (!solaris && !trim(fields[1]).empty()) return std::nullopt;
    const auto permissions = parse_permissions(trim(fields[solaris ? 1 : 2]));
    if (!permissions) return std::nullopt;
    return Entry{kind[0] == 'm' ? kMask : kOther, *permissions, kNoId};
  }
  if ((!user && !group) || fields.size() < 3) return std::nullopt;
  const auto permissions = parse_permissions(trim(fields[2]));
  if (!permissions) return std::nullopt;
  const std::string_view name = trim(fields[1]);
  if (name.empty()) return Entry{user ? kUserObj : kGroupObj, *permissions, kNoId};
  const auto id = parse_unsigned(fields.size() > 3 ? trim(fields[3]) : name);
  if (!id || *id >= kNoId) return std::nullopt;
  return Entry{user ? kUser : kGroup, *permissions, static_cast<std::uint32_t>(*id)};
}

// As posix_acl_valid() in the kernel: exactly one of the three bases, and a mask where anybody is
// named.
bool is_valid(const std::vector<Entry>& entries) {
  const auto count = [&](std::uint16_t tag) {
    return std::count_if(entries.begin(), entries.end(), [&](const Entry& e) { return e.tag == tag; });
  };
  return count(kUserObj) == 1 && count(kGroupObj) == 1 && count(kOther) == 1 && count(kMask) <= 1 &&
         (count(kMask) == 1 || count(kUser) + count(kGroup) == 0);
}

template <class T>
void append_little_endian(std::string& out, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) out += static_cast<char>(value >> (8 * i) & 0xff);
}

}  // namespace

std::optional<std::string> acl_xattr_from_text(std::string_view text) {
  std::vector<Entry> entries;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of(",\n"), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    line = trim(line.substr(0, line.find('#')));  // "#effective:r--"
    if (line.empty()) continue;
    const auto entry = parse_entry(line);
    if (!entry || entries.size() == kMaxEntries) return std::nullopt;
    entries.push_back(*entry);
  }
  if (!is_valid(entries)) return std::nullopt;
  // The kernel wants them by tag, named ones by id.
  std::stable_sort(entries.begin(), entries.end(),
                   [](const Entry& a, const Entry& b) { return std::tie(a.tag, a.id) < std::tie(b.tag, b.id); });
  std::string value;
  append_little_endian(value, kVersion);
  for (const Entry& entry : entries) {
    append_little_endian(value, entry.tag);
    append_little_endian(value, entry.permissions);
    append_little_endian(value, entry.id);
  }
  return value;
}

}  // namespace strata::codec
