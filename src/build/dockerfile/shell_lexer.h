// Quotes, escapes and variables in a Dockerfile's words, as BuildKit's shell lexer has them
// (frontend/dockerfile/shell; docs/reference.md "Environment replacement"):
//
//   $name ${name} ${name:-word} ${name-word} ${name:+word} ${name+word} ${name:?word} ${name?word}
//   ${name#pattern} ${name##pattern} ${name%pattern} ${name%%pattern} ${name/pattern/text} ${name//pattern/text}
//
// Pure; nesting of ${…} is bounded (kMaxNesting).
#pragma once

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::dockerfile {

// The value of a variable, or nullopt when it is not set.
using Variables = std::function<std::optional<std::string>(std::string_view)>;

struct LexerOptions {
  char escape = '\\';
  bool keep_quotes = false;     // quotes are processed, but stay in the text
  bool keep_escapes = false;    // likewise the escape characters
  bool literal_quotes = false;  // quotes are ordinary characters
  bool keep_unset = false;      // a variable that is not set stays as it was written
};

struct Expansion {
  std::string text;                // as one word
  std::vector<std::string> words;  // split at white space outside quotes, after replacement
  std::set<std::string> used;      // variables that were set, and those that were not
  std::set<std::string> unset;
};

inline constexpr int kMaxNesting = 64;
// Values may be used many times: a result beyond this is kResourceExhausted.
inline constexpr std::size_t kMaxExpansion = 8 << 20;

// Errors: kInvalidArgument, "failed to process \"…\": …".
Result<Expansion> expand(std::string_view word, const Variables& variables, const LexerOptions& options = {});

}  // namespace strata::dockerfile
