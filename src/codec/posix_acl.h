// POSIX ACLs as pax spells them (SCHILY.acl.access, SCHILY.acl.default: the short or long text form
// of acl(5), a numeric id as a fourth field) and as Linux keeps them (system.posix_acl_access,
// include/uapi/linux/posix_acl_xattr.h). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace strata::codec {

// The value of the xattr. nullopt when the text is none, or names users or groups without their
// numbers: what a name means is up to a passwd file that an archive does not have.
std::optional<std::string> acl_xattr_from_text(std::string_view text);

}  // namespace strata::codec
