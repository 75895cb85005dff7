// Go's literals: numbers, quoted strings, code points. Pure. Inside the template engine only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace strata::cli::templates {

// The code point of a whole UTF-8 sequence; the byte itself where it is none.
std::uint32_t decode_code_point(std::string_view bytes);
// U+FFFD for what is no code point.
std::string encode_code_point(std::uint32_t point);

// Without its quotes; Go's escapes. nullopt for a wrong one.
std::optional<std::string> unquote(std::string_view inside, char quote);
// strconv.Quote: "a\tb\x00".
std::string go_quote(std::string_view text);

struct Number {
  bool whole = true;
  std::int64_t integer = 0;
  double real = 0;
};
// "12", "0x1f", "0b1", "0o17", "1_000" as an integer, "1.5", "1e3" as a float. nullopt: neither.
std::optional<Number> parse_number(std::string_view text);

}  // namespace strata::cli::templates
