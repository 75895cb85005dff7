// A program docker-credential-NAME.
// https://github.com/docker/docker-credential-helpers: the verb is its argument, the rest goes
// through stdin.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "registry/credentials.h"

namespace strata::registry {

// kNotFound when the program is not in PATH; empty credentials when it knows none for the key.
Result<Credentials> helper_get(const std::string& name, std::string_view key);
Result<> helper_store(const std::string& name, std::string_view key, const Credentials& credentials);
Result<> helper_erase(const std::string& name, std::string_view key);

}  // namespace strata::registry
