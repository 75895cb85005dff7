// Times as docker's --since and --until take them.
#pragma once

#include <string_view>

#include "base/clock.h"
#include "base/result.h"

namespace strata::cli {

// RFC 3339 ("2026-01-02T15:04:05Z", also without zone or time of day: local time), seconds since 1970
// with an optional fraction, or a duration before `now` ("10m", "1h30m", "1.5s").
// Errors: kInvalidArgument, naming the text.
Result<Timestamp> parse_time_flag(std::string_view text, Timestamp now);

}  // namespace strata::cli
