// "-v", "--mount" and "--tmpfs" as docker reads them. Pure but for the working directory, which relative bind
// sources are looked up from.
#pragma once

#include <string_view>

#include "base/result.h"
#include "containers/container.h"

namespace strata::cli {

// "[SOURCE:]TARGET[:ro,z,…]": a source with a slash in front (or ./, ../) is a path, else a volume's name.
Result<containers::Mount> parse_volume(std::string_view text);
// "type=bind,source=/a,target=/b,readonly"
Result<containers::Mount> parse_mount(std::string_view text);
// "/run[:size=64m,mode=1777]"
Result<containers::Mount> parse_tmpfs(std::string_view text);

}  // namespace strata::cli
