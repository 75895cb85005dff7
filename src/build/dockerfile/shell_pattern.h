// The patterns of ${name#pattern}, ${name%pattern} and ${name/pattern/text}: '?' is any character, '*'
// any text, '\' escapes. As in BuildKit (frontend/dockerfile/shell), neither matches a line feed and
// there are no bracket expressions. Matching takes time proportional to pattern times value, whatever
// the pattern is. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::dockerfile {

class ShellPattern {
 public:
  // A backslash may stand before * ? \ } and / only; anything else is kInvalidArgument.
  static Result<ShellPattern> parse(std::string_view text);

  // How many bytes at the start (end) of `value` match: the fewest, or the most when `longest`.
  std::optional<std::size_t> match_prefix(std::string_view value, bool longest) const;
  std::optional<std::size_t> match_suffix(std::string_view value, bool longest) const;
  // Every match replaced (the longest at each place), or only the first one. What would take too much
  // time or memory is kResourceExhausted.
  Result<std::string> replace(std::string_view value, std::string_view replacement, bool all) const;

 private:
  struct Token {
    enum class Kind { kText, kAny, kStar } kind;
    std::string text;  // of kText: one character (all its bytes)
  };
  std::vector<Token> tokens_;
};

}  // namespace strata::dockerfile
