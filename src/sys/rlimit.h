// Resource limits (getrlimit(2)) by the names the OCI spec has.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace strata::sys {

// "RLIMIT_NOFILE" to its number.
std::optional<int> rlimit_number(std::string_view name);

// Sets the calling process's limit. ~0 is unlimited. Errors: kPermissionDenied where the hard limit
// cannot be raised that far.
Result<> set_rlimit(int number, std::uint64_t soft, std::uint64_t hard);

}  // namespace strata::sys
