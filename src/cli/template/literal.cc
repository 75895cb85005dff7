#include "cli/template/literal.h"

#include <charconv>
#include <limits>

#include "base/strings.h"
#include <fmt/core.h>

namespace strata::cli::templates {
namespace {

constexpr std::uint32_t kReplacement = 0xfffd;

bool is_printable(std::uint32_t point) {
  return point >= 0x20 && point != 0x7f && !(point >= 0x80 && point < 0xa0) && point != kReplacement && point != 0xad &&
         !(point >= 0x2028 && point <= 0x202e) && point != 0xfeff;
}

// `digits` hexadecimal (or octal) digits at the front of `text`, taken off.
std::optional<std::uint32_t> take_digits(std::string_view& text, std::size_t digits, int base) {
  if (text.size() < digits) return std::nullopt;
  const auto value = parse_unsigned(text.substr(0, digits), base);
  if (!value || *value > 0x10ffff) return std::nullopt;
  text.remove_prefix(digits);
  return static_cast<std::uint32_t>(*value);
}

std::optional<std::string> unescape(std::string_view& text, char quote) {
  const char c = text.front();
  text.remove_prefix(1);
  switch (c) {
    case 'a':
      return "\a";
    case 'b':
      return "\b";
    case 'f':
      return "\f";
    case 'n':
      return "\n";
    case 'r':
      return "\r";
    case 't':
      return "\t";
    case 'v':
      return "\v";
    case '\\':
      return "\\";
    case '\'':
    case '"':
      if (c != quote) return std::nullopt;
      return std::string(1, c);
    case 'x': {
      const auto byte = take_digits(text, 2, 16);
      if (!byte) return std::nullopt;
      return std::string(1, static_cast<char>(*byte));
    }
    case 'u':
    case 'U': {
      const auto point = take_digits(text, c == 'u' ? 4 : 8, 16);
      if (!point || (*point >= 0xd800 && *point < 0xe000)) return std::nullopt;
      return encode_code_point(*point);
    }
    default:
      break;
  }
  if (c < '0' || c > '7') return std::nullopt;
  const std::string digits = std::string(1, c) + std::string(text.substr(0, 2));
  std::string_view rest = digits;
  const auto byte = take_digits(rest, 3, 8);
  if (!byte || *byte > 255) return std::nullopt;
  text.remove_prefix(2);
  return std::string(1, static_cast<char>(*byte));
}

}  // namespace

std::uint32_t decode_code_point(std::string_view bytes) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<unsigned char>(bytes[i])); };
  switch (bytes.empty() ? 0 : utf8_length(bytes)) {
    case 2:
      return (byte(0) & 0x1f) << 6 | (byte(1) & 0x3f);
    case 3:
      return (byte(0) & 0x0f) << 12 | (byte(1) & 0x3f) << 6 | (byte(2) & 0x3f);
    case 4:
      return (byte(0) & 0x07) << 18 | (byte(1) & 0x3f) << 12 | (byte(2) & 0x3f) << 6 | (byte(3) & 0x3f);
    default:
      return bytes.empty() ? 0 : byte(0);
  }
}

std::string encode_code_point(std::uint32_t point) {
  if (point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) point = kReplacement;
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (point >> shift & 0x3f)); };
  if (point < 0x80) return {static_cast<char>(point)};
  if (point < 0x800) return {static_cast<char>(0xc0 | point >> 6), tail(0)};
  if (point < 0x10000) return {static_cast<char>(0xe0 | point >> 12), tail(6), tail(0)};
  return {static_cast<char>(0xf0 | point >> 18), tail(12), tail(6), tail(0)};
}

std::optional<std::string> unquote(std::string_view inside, char quote) {
  std::string value;
  while (!inside.empty()) {
    const char c = inside.front();
    inside.remove_prefix(1);
    if (c != '\\') {
      value += c;
      continue;
    }
    if (inside.empty()) return std::nullopt;
    const auto bytes = unescape(inside, quote);
    if (!bytes) return std::nullopt;
    value += *bytes;
  }
  return value;
}

std::string go_quote(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const std::string_view bytes = text.substr(0, length == 0 ? 1 : length);
    const std::uint32_t point = decode_code_point(bytes);
    text.remove_prefix(bytes.size());
    static constexpr std::string_view kNamed = "\a\b\f\n\r\t\v";
    static constexpr std::string_view kNames = "abfnrtv";
    if (length == 0)
      quoted += fmt::format("\\x{:02x}", point);
    else if (point == '"' || point == '\\')
      (quoted += '\\') += bytes;
    else if (const auto named = kNamed.find(static_cast<char>(point)); point < 0x20 && named != std::string_view::npos)
      (quoted += '\\') += kNames[named];
    else if (is_printable(point))
      quoted += bytes;
    else if (point < 0x20 || point == 0x7f)
      quoted += fmt::format("\\x{:02x}", point);
    else if (point < 0x10000)
      quoted += fmt::format("\\u{:04x}", point);
    else
      quoted += fmt::format("\\U{:08x}", point);
  }
  return quoted + '"';
}

std::optional<Number> parse_number(std::string_view text) {
  std::string digits;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '_')
      digits += text[i];
    else if (i == 0 || i + 1 == text.size() || text[i - 1] == '_')
      return std::nullopt;
  }
  std::string_view rest = digits;
  const bool negative = rest.starts_with('-');
  if (negative || rest.starts_with('+')) rest.remove_prefix(1);
  if (rest.empty() || rest.starts_with('-') || rest.starts_with('+')) return std::nullopt;
  int base = 10;
  std::string_view body = rest;
  if (rest.size() > 1 && rest[0] == '0') {
    const char letter = static_cast<char>(rest[1] | 0x20);
    base = letter == 'x' ? 16 : letter == 'b' ? 2 : letter == 'o' ? 8 : 10;
    if (base != 10)
      body.remove_prefix(2);
    else if (rest.find_first_not_of("01234567") == std::string_view::npos)
      base = 8;
  }
  if (const auto value = parse_unsigned(body, base)) {
    constexpr auto kLargest = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
    if (*value > kLargest + (negative ? 1 : 0)) return std::nullopt;
    return Number{true, static_cast<std::int64_t>(negative ? 0 - *value : *value), 0};
  }
  if (base == 2 || (base == 8 && rest != body)) return std::nullopt;
  // from_chars would take "inf" and "nan".
  if (body.find_first_not_of(base == 16 ? "0123456789abcdefABCDEF.pP+-" : "0123456789.eE+-") != std::string_view::npos)
    return std::nullopt;
  if (base == 16 && body.find_first_of("pP") == std::string_view::npos) return std::nullopt;
  double value = 0;
  const auto read = std::from_chars(body.data(), body.data() + body.size(), value,
                                    base == 16 ? std::chars_format::hex : std::chars_format::general);
  if (read.ec != std::errc() || read.ptr != body.data() + body.size()) return std::nullopt;
  return Number{false, 0, negative ? -value : value};
}

}  // namespace strata::cli::templates
