// The functions of templates: Go's own (text/template) and those that docker adds (json, split,
// join, title, lower, upper, pad, truncate). Pure. Inside the template engine only.
//
// Letters are changed in case for ASCII alone. "and" and "or" look at their arguments one at a
// time, so the evaluator does them.
#pragma once

#include <span>
#include <string_view>

#include "base/result.h"
#include "cli/template/value.h"

namespace strata::cli::templates {

inline constexpr std::size_t kMaxParts = 1 << 20;  // of what split takes apart
inline constexpr std::size_t kMaxText = 16 << 20;  // bytes of one string that a template makes

bool is_function(std::string_view name);

// Errors: "wrong number of args for len: want 1 got 0".
Result<> check_argument_count(std::string_view name, std::size_t count);
// Go's name of the type that the function wants in that place, "" when the value is of it.
std::string_view wrong_type(std::string_view name, std::size_t position, const Value& value);
// Called with arguments that were checked by these two. `headings`: json, title, lower, upper and
// truncate give what they got, as docker has it for the first line of a table. Errors: what is
// wrong, in Go's words.
Result<Value> call_function(std::string_view name, std::span<const Value> arguments, bool headings);

}  // namespace strata::cli::templates
