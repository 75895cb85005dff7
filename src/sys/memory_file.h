// A file that exists only in memory: memfd_create(2).
#pragma once

#include <string_view>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

// Holds `content`; the position is at its beginning. `name` is what /proc shows.
Result<UniqueFd> memory_file(const char* name, std::string_view content);

}  // namespace strata::sys
