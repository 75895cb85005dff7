// Cells and fields that several lists share. Pure.
#pragma once

#include <map>
#include <string>

#include "base/clock.h"

namespace strata::cli {

// "3 years ago"
std::string age_text(Timestamp then, Timestamp present);
// Go's time.Time.String() of a whole second in local time: "2023-11-14 22:13:20 +0000 UTC".
std::string time_text(Timestamp time);
// "a=b,c=d", sorted by key.
std::string labels_text(const std::map<std::string, std::string>& labels);

}  // namespace strata::cli
