// POSIX ACLs as the xattrs system.posix_acl_* carry them (linux/posix_acl_xattr.h, acl(5)).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace strata::layers {

// What setting such an ACL does to a file: nullopt when the bytes are no valid ACL.
struct AclEffect {
  bool kept = true;        // false: it says no more than a mode does, and is not stored
  std::uint16_t mode = 0;  // the permission bits (0777) that it gives the file
};
std::optional<AclEffect> effect_of_acl(std::string_view value);

}  // namespace strata::layers
