// Patterns of file names: * ? [a-z] [^a] \x within one path component, and, where asked for, ** over any
// number of them. For wildcards in COPY (Go's filepath.Match) and for ignore files (moby/patternmatcher,
// whose oddities are kept: "**x" at the start matches any path that ends in x, "a/**" not a itself).
// Matching takes time proportional to pattern times path. Immutable; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::build {

class PathPattern {
 public:
  enum class Dialect { kGlob, kIgnore };  // ** is special in kIgnore only
  // Errors: kInvalidArgument "syntax error in pattern" for an open [ or a \ at the end.
  static Result<PathPattern> parse(std::string_view text, Dialect dialect);

  bool matches(std::string_view path) const;

 private:
  struct Token {
    enum class Kind : std::uint8_t {
      kCharacter,
      kAny,          // ?: one, but no slash
      kClass,        // [...]
      kStar,         // *: any number, no slash
      kDirectories,  // **/: nothing, or anything that ends in a slash
      kEverything,   // anything at all
    } kind;
    char character = 0;
    bool negated = false;
    std::vector<std::pair<unsigned char, unsigned char>> ranges;
  };
  bool accepts(const Token& token, char c) const;

  std::vector<Token> tokens_;
};

// Whether `text` has a wildcard of COPY; a backslash escapes one.
bool has_wildcard(std::string_view text);

// "a//b/./c/../d" to "a/b/d" as Go's path.Clean; "" to ".".
std::string clean_path(std::string_view path);

}  // namespace strata::build
