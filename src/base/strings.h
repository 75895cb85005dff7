// Small pure functions on text. Views returned point into their argument.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace strata {

std::vector<std::string_view> split(std::string_view text, char separator);
// White space as isspace() in the C locale has it.
std::string_view trim(std::string_view text);
std::string to_lower(std::string_view text);
bool equals_ignoring_case(std::string_view a, std::string_view b);
std::string join(std::span<const std::string> parts, std::string_view separator);

// The whole text must be a number in range; no sign for unsigned, no white space.
std::optional<std::uint64_t> parse_unsigned(std::string_view text, int base = 10);
std::optional<std::int64_t> parse_signed(std::string_view text);

// "12.35kB", "1.24GB": powers of 1000 and four significant digits, as docker prints sizes; `docker images` and
// `docker history` take three.
std::string human_size(std::uint64_t bytes, int significant_digits = 4);
// "64m", "1.5g", "512kb", "1048576" to bytes: powers of 1024, as docker's --memory takes them.
std::optional<std::uint64_t> parse_size(std::string_view text);

// Lower-case hexadecimal.
std::string hex(std::span<const std::byte> bytes);
// nullopt unless the text is an even number of hexadecimal digits.
std::optional<std::vector<std::byte>> unhex(std::string_view text);

// Length of the UTF-8 sequence at the start of `text`, which is not empty; 0 when there is none (cut short,
// overlong, a surrogate).
std::size_t utf8_length(std::string_view text);

// Text for a terminal or a log: control characters and bytes that are not UTF-8 become \xNN.
std::string printable(std::string_view text);

}  // namespace strata
