#include "cli/template/source.h"

#include <algorithm>

namespace strata::cli::templates {

std::size_t Source::line_of(std::size_t offset) const {
  const auto end = text.begin() + static_cast<std::ptrdiff_t>(std::min(offset, text.size()));
  return 1 + static_cast<std::size_t>(std::count(text.begin(), end, '\n'));
}

Error Source::syntax_error(std::size_t offset, std::string_view what) const {
  return error(ErrorKind::kInvalidArgument, "template parsing error: template: {}:{}: {}", name, line_of(offset), what);
}

Error Source::execution_error(std::size_t position, std::size_t begin, std::size_t end, std::string_view what) const {
  // Go counts columns from 0.
  const auto newline = position == 0 ? std::string::npos : text.rfind('\n', position - 1);
  const std::size_t column = newline == std::string::npos ? position : position - newline - 1;
  const std::string context = text.substr(begin, end - begin);
  return error(ErrorKind::kInvalidArgument, "template parsing error: template: {}:{}:{}: executing \"{}\" at <{}>: {}",
               name, line_of(position), column, name, context, what);
}

}  // namespace strata::cli::templates
