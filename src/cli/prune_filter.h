// `--filter` of the prunes.
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "images/prune_filter.h"

namespace strata::cli {

// until=TIME (as --since takes it), label=KEY[=VALUE], label!=KEY[=VALUE]; all must hold. Errors:
// kInvalidArgument "invalid filter 'x'".
Result<images::PruneFilter> parse_prune_filter(const std::vector<std::string>& texts, Timestamp now);

}  // namespace strata::cli
