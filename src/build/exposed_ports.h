// EXPOSE: "80", "53/udp", "8000-8010/tcp" and the older "[ip:]host:container", of which only the
// container's side counts.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::build {

// "80/tcp" for each port meant. Errors: kInvalidArgument in BuildKit's words.
Result<std::vector<std::string>> parse_exposed_ports(std::string_view text);

}  // namespace strata::build
