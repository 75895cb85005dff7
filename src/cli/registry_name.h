// What login and logout share: which registry the user means.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::cli {

// "", "docker.io" and "https://index.docker.io/v1/" are docker.io; "https://host/v2/" is "host".
// Errors: kInvalidArgument for what is no host.
Result<std::string> registry_domain(std::string_view as_typed);

}  // namespace strata::cli
