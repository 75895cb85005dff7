// Names of containers and volumes: the rules they follow, and made-up ones.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::containers {

// [a-zA-Z0-9][a-zA-Z0-9_.-]+, after one optional slash, which is dropped. Errors in docker's words.
Result<std::string> parse_name(std::string_view text);
// Of a volume: [a-zA-Z0-9][a-zA-Z0-9_.-]*. Errors in docker's words.
Result<> check_volume_name(std::string_view name);
// "brave_lovelace": an adjective and the surname of someone who built or found something.
std::string made_up_name();

}  // namespace strata::containers
