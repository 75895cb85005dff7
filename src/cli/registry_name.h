// What login and logout share: which registry the user means, and where credentials are.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "engine/settings.h"
#include "registry/settings.h"

namespace strata::cli {

// "", "docker.io" and "https://index.docker.io/v1/" are docker.io; "https://host/v2/" is "host".
// Errors: kInvalidArgument for what is no host.
Result<std::string> registry_domain(std::string_view as_typed);

// The settings of a registry client, without an engine and its store: logging in needs no privileges.
registry::Settings registry_settings(const engine::Settings& settings);

}  // namespace strata::cli
