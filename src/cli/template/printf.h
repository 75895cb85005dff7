// Go's fmt.Sprintf on JSON values. Inside the template engine only.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "cli/template/value.h"

namespace strata::cli::templates {

// Verbs v d s q x X t f F e E g G b o O c U T, flags "-+# 0", width and precision (also *).
// Mistakes stand in the text, as in Go: "%!d(string=x)", "%!s(MISSING)", "%!(EXTRA int=1)".
std::string go_printf(std::string_view format, std::span<const Value> arguments);

}  // namespace strata::cli::templates
