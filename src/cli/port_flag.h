// "-p [[IP:][HOST]:]CONTAINER[/PROTOCOL]" and "--expose PORT[-PORT][/PROTOCOL]" as docker reads them. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "containers/container.h"

namespace strata::cli {

// One for each port of a range; "8080-8082:80-82" pairs them, "8080-8082:80" is any one of these (the first
// that is free is not looked for here: the first). Errors: kInvalidArgument in docker's words.
Result<std::vector<containers::PublishedPort>> parse_publish(std::string_view text);
// "80/tcp", …
Result<std::vector<std::string>> parse_expose(std::string_view text);

}  // namespace strata::cli
