// Go's template grammar (go/src/text/template/parse/parse.go). Inside the template engine only.
#pragma once

#include "base/result.h"
#include "cli/template/source.h"
#include "cli/template/tree.h"

namespace strata::cli::templates {

inline constexpr std::size_t kMaxNesting = 100;  // of blocks and parentheses

// Errors: in Go's words; functions must exist (functions.h).
Result<Tree> parse(const Source& source);

}  // namespace strata::cli::templates
