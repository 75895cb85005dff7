#include "cli/template/printf.h"

#include <charconv>
#include <optional>

#include "base/json.h"
#include "base/strings.h"
#include "cli/template/literal.h"

namespace strata::cli::templates {
namespace {

// Go takes up to a million; a screen is narrower.
constexpr int kMaxWidth = 10'000;

struct Directive {
  bool minus = false, plus = false, sharp = false, space = false, zero = false;
  std::optional<int> width, precision;
  std::string_view verb;  // one code point
};

std::size_t code_points(std::string_view text) {
  std::size_t count = 0;
  for (const char c : text) count += (static_cast<unsigned char>(c) & 0xc0) != 0x80 ? 1 : 0;
  return count;
}

std::string padded(const Directive& how, std::string text, bool number = false) {
  const std::size_t width = static_cast<std::size_t>(how.width.value_or(0));
  const std::size_t have = code_points(text);
  if (have >= width) return text;
  const std::size_t fill = width - have;
  if (how.minus) return text.append(fill, ' ');
  if (how.zero && number) {
    const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == ' ') ? 1 : 0;
    return text.insert(sign, fill, '0');
  }
  return text.insert(0, fill, how.zero && !number ? '0' : ' ');
}

std::string cut(const Directive& how, const std::string& text) {
  if (!how.precision) return text;
  std::size_t points = 0;
  for (std::size_t i = 0; i < text.size(); ++i)
    if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80 && points++ == static_cast<std::size_t>(*how.precision))
      return text.substr(0, i);
  return text;
}

std::string upper_case(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 32);
  return text;
}

std::string format_value(const Directive& how, const Value& value);

// The value as %v shows it, with the same width and flags.
std::string wrong_verb(const Directive& how, const Value& value) {
  if (value.json().is_null()) return fmt::format("%!{}(<nil>)", how.verb);
  Directive plain = how;
  plain.verb = "v";
  plain.sharp = false;
  return fmt::format("%!{}({}={})", how.verb, value.type(), format_value(plain, value));
}

// 'a', '\'', '\x02'
std::string quoted_code_point(std::uint32_t point) {
  if (point == '\'') return "'\\''";
  if (point == '"') return "'\"'";
  const std::string quoted = go_quote(encode_code_point(point));
  return "'" + quoted.substr(1, quoted.size() - 2) + "'";
}

std::string integer(const Directive& how, std::int64_t value, int base, std::string_view prefix) {
  char buffer[72];
  const std::uint64_t size = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  std::string digits(buffer, std::to_chars(buffer, buffer + sizeof buffer, size, base).ptr);
  if (how.precision && digits.size() < static_cast<std::size_t>(*how.precision))
    digits.insert(0, static_cast<std::size_t>(*how.precision) - digits.size(), '0');
  const std::string sign = value < 0 ? "-" : how.plus ? "+" : how.space ? " " : "";
  Directive pad = how;
  if (how.precision) pad.zero = false;
  return padded(pad, sign + std::string(how.sharp || prefix == "0o" ? prefix : "") + digits, true);
}

std::string format_integer(const Directive& how, const Value& value) {
  const auto number = value.json().get<std::int64_t>();
  switch (how.verb[0]) {
    case 'v':
    case 'd':
      return integer(how, number, 10, "");
    case 'b':
      return integer(how, number, 2, "0b");
    case 'o':
      return integer(how, number, 8, "0");
    case 'O':
      return integer(how, number, 8, "0o");
    case 'x':
      return integer(how, number, 16, "0x");
    case 'X':
      return upper_case(integer(how, number, 16, "0x"));
    case 'c':
      return padded(how, encode_code_point(static_cast<std::uint32_t>(number)));
    case 'q':
      return padded(how, quoted_code_point(static_cast<std::uint32_t>(number)));
    case 'U':
      return padded(how, fmt::format("U+{:04X}", number));
    default:
      return wrong_verb(how, value);
  }
}

std::string format_float(const Directive& how, const Value& value) {
  const double number = value.json().get<double>();
  const char verb = how.verb[0];
  std::string text;
  const int precision = how.precision.value_or(6);
  if (verb == 'v' && !how.precision)
    text = float_text(number);
  else if (verb == 'v' || verb == 'g' || verb == 'G')
    text = how.precision ? fmt::format("{:.{}g}", number, precision) : float_text(number);
  else if (verb == 'f' || verb == 'F')
    text = fmt::format("{:.{}f}", number, precision);
  else if (verb == 'e' || verb == 'E')
    text = fmt::format("{:.{}e}", number, precision);
  else
    return wrong_verb(how, value);
  if (verb == 'G' || verb == 'E') text = upper_case(std::move(text));
  if (!text.starts_with('-') && (how.plus || how.space)) text.insert(0, how.plus ? "+" : " ");
  return padded(how, std::move(text), true);
}

std::string format_string(const Directive& how, const Value& value) {
  const auto& text = value.json().get_ref<const std::string&>();
  switch (how.verb[0]) {
    case 'v':
      if (how.sharp) return padded(how, go_quote(text));
      [[fallthrough]];
    case 's':
      return padded(how, cut(how, text));
    case 'q': {
      const bool raw = how.sharp && text.find('`') == std::string::npos && printable(text) == text;
      return padded(how, raw ? "`" + text + "`" : go_quote(cut(how, text)));
    }
    case 'x':
    case 'X': {
      std::string bytes = hex(std::as_bytes(std::span(text)));
      if (how.space)
        for (std::size_t i = bytes.size(); i > 2; i -= 2) bytes.insert(i - 2, " ");
      return padded(how, how.verb == "X" ? upper_case(std::move(bytes)) : bytes);
    }
    default:
      return wrong_verb(how, value);
  }
}

// Lists and maps: each element by itself.
std::string format_compound(const Directive& how, const Value& value) {
  const ordered_json& json = value.json();
  std::string text = json.is_array() ? "[" : "map[";
  const std::size_t bare = text.size();
  const auto separate = [&] { text += text.size() > bare ? " " : ""; };
  if (json.is_array())
    for (const auto& element : json) separate(), text += format_value(how, value.part(element));
  else
    for (const std::string& key : sorted_keys(json)) {
      separate();
      text += format_value(how, Value(key)) + ":" + format_value(how, value.part(json.at(key)));
    }
  return text + "]";
}

std::string format_value(const Directive& how, const Value& value) {
  const ordered_json& json = value.json();
  if (how.verb == "T") return padded(how, std::string(value.type()));
  if (json.is_null()) return how.verb == "v" ? padded(how, "<nil>") : wrong_verb(how, value);
  if (json.is_structured()) return format_compound(how, value);
  if (json.is_string()) return format_string(how, value);
  if (json.is_number_float()) return format_float(how, value);
  if (json.is_number()) return format_integer(how, value);
  return how.verb == "t" || how.verb == "v" ? padded(how, json.dump()) : wrong_verb(how, value);
}

class Printf {
 public:
  Printf(std::string_view format, std::span<const Value> arguments) : format_(format), arguments_(arguments) {}

  std::string run() {
    std::string text;
    while (!format_.empty()) {
      const std::size_t percent = format_.find('%');
      text += format_.substr(0, percent);
      if (percent == std::string_view::npos) break;
      format_.remove_prefix(percent + 1);
      text += directive();
    }
    if (next_ < arguments_.size()) {
      text += "%!(EXTRA ";
      for (std::size_t i = next_; i < arguments_.size(); ++i) {
        const Value& value = arguments_[i];
        text += i > next_ ? ", " : "";
        text += value.json().is_null() ? "<nil>" : fmt::format("{}={}", value.type(), plain_text(value.json()));
      }
      text += ")";
    }
    return text;
  }

 private:
  bool take(char c) {
    if (!format_.starts_with(c)) return false;
    format_.remove_prefix(1);
    return true;
  }
  // A number or "*"; false when it is too large or no number.
  bool number(std::optional<int>& target) {
    if (take('*')) {
      if (next_ >= arguments_.size() || !arguments_[next_].json().is_number_integer()) {
        ++next_;
        return false;
      }
      const auto value = arguments_[next_++].json().get<std::int64_t>();
      if (value < -kMaxWidth || value > kMaxWidth) return false;
      target = static_cast<int>(value);
      return true;
    }
    int value = 0;
    bool any = false;
    for (; !format_.empty() && format_[0] >= '0' && format_[0] <= '9'; format_.remove_prefix(1), any = true) {
      value = value * 10 + (format_[0] - '0');
      if (value > kMaxWidth) {
        format_ = {};  // as Go gives up
        return true;
      }
    }
    if (any) target = value;
    return true;
  }

  std::string directive() {
    Directive how;
    while (true) {
      if (take('-'))
        how.minus = true, how.zero = false;
      else if (take('+'))
        how.plus = true;
      else if (take('#'))
        how.sharp = true;
      else if (take(' '))
        how.space = true;
      else if (take('0'))
        how.zero = !how.minus;
      else
        break;
    }
    if (!number(how.width)) return "%!(BADWIDTH)";
    if (how.width && *how.width < 0) how.minus = true, how.zero = false, how.width = -*how.width;
    if (take('.')) {
      how.precision = 0;
      if (!number(how.precision)) return "%!(BADPREC)";
      if (*how.precision < 0) how.precision.reset();
    }
    if (format_.empty()) return "%!(NOVERB)";
    how.verb = format_.substr(0, std::max<std::size_t>(1, utf8_length(format_)));
    format_.remove_prefix(how.verb.size());
    if (how.verb == "%") return "%";
    if (next_ >= arguments_.size()) return fmt::format("%!{}(MISSING)", how.verb);
    return format_value(how, arguments_[next_++]);
  }

  std::string_view format_;
  std::span<const Value> arguments_;
  std::size_t next_ = 0;
};

}  // namespace

std::string go_printf(std::string_view format, std::span<const Value> arguments) {
  return Printf(format, arguments).run();
}

}  // namespace strata::cli::templates
