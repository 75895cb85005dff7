#include "layers/acl.h"

#include <cstring>

namespace strata::layers {
namespace {

enum Tag : std::uint16_t { kUserObj = 1, kUser = 2, kGroupObj = 4, kGroup = 8, kMask = 16, kOther = 32 };

struct Entry {
  std::uint16_t tag, permissions;
  std::uint32_t id;
};

}  // namespace

std::optional<AclEffect> effect_of_acl(std::string_view value) {
  std::uint32_t version;
  if (value.size() < 4 || (value.size() - 4) % sizeof(Entry) != 0) return std::nullopt;
  std::memcpy(&version, value.data(), 4);
  if (version != 2) return std::nullopt;
  value.remove_prefix(4);
  AclEffect effect;
  std::uint16_t user = 8, group = 8, mask = 8, other = 8;  // 8: not given
  bool named = false;
  int stage = 0;  // tags come in their order
  while (!value.empty()) {
    Entry entry;
    std::memcpy(&entry, value.data(), sizeof entry);
    value.remove_prefix(sizeof entry);
    if (entry.permissions > 7) return std::nullopt;
    if (entry.tag < stage || (entry.tag == stage && entry.tag != kUser && entry.tag != kGroup)) return std::nullopt;
    stage = entry.tag;
    switch (entry.tag) {
      case kUserObj:
        user = entry.permissions;
        break;
      case kGroupObj:
        group = entry.permissions;
        break;
      case kMask:
        mask = entry.permissions;
        break;
      case kOther:
        other = entry.permissions;
        break;
      case kUser:
      case kGroup:
        if (entry.id == 0xFFFFFFFF) return std::nullopt;
        named = true;
        break;
      default:
        return std::nullopt;
    }
  }
  if (user == 8 || group == 8 || other == 8 || (named && mask == 8)) return std::nullopt;
  effect.kept = named || mask != 8;
  effect.mode = static_cast<std::uint16_t>(user << 6 | (mask != 8 ? mask : group) << 3 | other);
  return effect;
}

}  // namespace strata::layers
