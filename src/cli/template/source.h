// The text of a template and its name: where errors point into. Inside the template engine only.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::cli::templates {

struct Source {
  std::string name;
  std::string text;

  // "template parsing error: template: NAME:LINE: what"
  Error syntax_error(std::size_t offset, std::string_view what) const;
  // "template parsing error: template: NAME:LINE:COLUMN: executing "NAME" at <CONTEXT>: what"; the
  // context is text[begin, end).
  Error execution_error(std::size_t position, std::size_t begin, std::size_t end, std::string_view what) const;
  std::size_t line_of(std::size_t offset) const;
};

}  // namespace strata::cli::templates
