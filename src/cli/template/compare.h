// eq, ne, lt, le, gt and ge of Go's templates. Inside the template engine only.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "cli/template/value.h"

namespace strata::cli::templates {

bool is_comparison(std::string_view name);
// eq takes two or more and is true when the first equals any other; the rest take two.
// Errors: "incompatible types for comparison" and the like.
Result<bool> compare(std::string_view name, std::span<const Value> arguments);

}  // namespace strata::cli::templates
