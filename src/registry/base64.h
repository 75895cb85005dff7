// Base64 (RFC 4648, with padding), as Docker's config file holds credentials.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace strata::registry {

std::string to_base64(std::string_view bytes);
// Padding may be missing. nullopt for anything else that is not base64.
std::optional<std::string> from_base64(std::string_view text);

}  // namespace strata::registry
