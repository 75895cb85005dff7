#include "cli/template/lexer.h"

#include <algorithm>
#include <optional>
#include <string_view>

#include "base/strings.h"
#include "cli/template/literal.h"

namespace strata::cli::templates {
namespace {

using Kind = Token::Kind;

constexpr std::string_view kOpen = "{{";
constexpr std::string_view kClose = "}}";
constexpr std::string_view kSpaces = " \t\r\n";

bool is_space(char c) { return kSpaces.find(c) != std::string_view::npos; }
bool is_word_byte(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         (static_cast<unsigned char>(c) & 0x80) != 0;
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }

// "U+007B '{'"
std::string code_point_text(std::string_view rest) {
  const std::size_t length = std::max<std::size_t>(1, utf8_length(rest));
  const std::string_view bytes = rest.substr(0, length);
  const auto point = decode_code_point(bytes);
  if (point < 0x20 || point == 0x7f) return fmt::format("U+{:04X}", static_cast<std::uint32_t>(point));
  return fmt::format("U+{:04X} '{}'", static_cast<std::uint32_t>(point), printable(bytes));
}

class Lexer {
 public:
  explicit Lexer(const Source& source) : source_(source), text_(source.text) {}

  Result<std::vector<Token>> run() {
    while (true) {
      const std::size_t open = text_.find(kOpen, at_);
      if (open == std::string_view::npos) break;
      TRY(action(open));
    }
    if (at_ < text_.size()) add_text(text_.substr(at_), at_);
    add(Kind::kEnd, text_.size(), text_.size());
    return std::move(tokens_);
  }

 private:
  Error fail(std::size_t offset, std::string_view what) const { return source_.syntax_error(offset, what); }
  void add(Kind kind, std::size_t begin, std::size_t end, std::string text = "") {
    tokens_.push_back({kind, std::move(text), begin, end, spaced_});
    spaced_ = false;
  }
  void add_text(std::string_view text, std::size_t begin) {
    if (trim_next_) text.remove_prefix(std::min(text.find_first_not_of(kSpaces), text.size()));
    trim_next_ = false;
    if (!text.empty()) add(Kind::kText, begin, begin + text.size(), std::string(text));
  }
  bool at_close(std::size_t at) const { return text_.substr(at).starts_with(kClose) || at_trimming_close(at); }
  bool at_trimming_close(std::size_t at) const {
    return at < text_.size() && is_space(text_[at]) && text_.substr(at + 1).starts_with("-}}");
  }
  // Steps over "}}" or " -}}", which stands at at_.
  void close() {
    trim_next_ = at_trimming_close(at_);
    at_ += trim_next_ ? 4 : 2;
  }

  Result<> action(std::size_t open) {
    const std::string_view inside = text_.substr(open + kOpen.size());
    const bool trims = inside.size() >= 2 && inside[0] == '-' && is_space(inside[1]);
    std::string_view text = text_.substr(at_, open - at_);
    if (trims) text = text.substr(0, text.find_last_not_of(kSpaces) + 1);
    add_text(text, at_);
    trim_next_ = false;
    // "{{- " leaves its space where it is: it may belong to " -}}".
    at_ = open + kOpen.size() + (trims ? 1 : 0);
    std::size_t comment = at_;
    if (trims) ++comment;
    if (text_.substr(comment).starts_with("/*")) {
      const std::size_t end = text_.find("*/", comment + 2);
      if (end == std::string_view::npos) return fail(comment, "unclosed comment");
      at_ = end + 2;
      if (!at_close(at_)) return fail(comment, "comment ends before closing delimiter");
      close();
      return {};
    }
    spaced_ = false;
    add(Kind::kOpen, open, at_);
    depth_ = 0;
    while (true) {
      if (at_ >= text_.size()) return fail(open, "unclosed action");
      if (at_close(at_)) {
        if (depth_ > 0) return fail(at_, "unclosed left paren");
        const std::size_t begin = at_;
        close();
        add(Kind::kClose, begin, at_);
        return {};
      }
      TRY(token());
    }
  }

  Result<> token() {
    const std::size_t begin = at_;
    const char c = text_[at_];
    const auto single = [&](Kind kind) {
      add(kind, begin, ++at_);
      return Result<>();
    };
    if (is_space(c)) {
      while (at_ < text_.size() && is_space(text_[at_]) && !at_trimming_close(at_)) ++at_;
      spaced_ = true;
      return {};
    }
    switch (c) {
      case '|':
        return single(Kind::kPipe);
      case ',':
        return single(Kind::kComma);
      case '=':
        return single(Kind::kAssign);
      case '(':
        ++depth_;
        return single(Kind::kLeftParenthesis);
      case ')':
        if (depth_-- == 0) return fail(begin, "unexpected right paren");
        return single(Kind::kRightParenthesis);
      case ':':
        if (!text_.substr(at_).starts_with(":=")) return fail(begin, "expected :=");
        at_ += 2;
        add(Kind::kDeclare, begin, at_);
        return {};
      case '"':
        return quoted();
      case '\'':
        return character();
      case '`':
        return raw_string();
      case '$':
        return variable();
      case '.':
        if (at_ + 1 >= text_.size() || !is_digit(text_[at_ + 1])) return field();
        return number();
      default:
        break;
    }
    if (is_digit(c) || c == '+' || c == '-') return number();
    if (is_word_byte(c)) {
      take_word();
      TRY(check_terminator());
      add(Kind::kWord, begin, at_, std::string(text_.substr(begin, at_ - begin)));
      return {};
    }
    if (c > 0x20 && c < 0x7f) return single(Kind::kOther);
    return fail(begin, "unrecognized character in action: " + code_point_text(text_.substr(at_)));
  }

  void take_word() {
    while (at_ < text_.size() && is_word_byte(text_[at_])) ++at_;
  }
  // What may follow a field, a variable or a word.
  Result<> check_terminator() {
    if (at_ >= text_.size() || is_space(text_[at_]) || text_.substr(at_).starts_with(kClose)) return {};
    if (std::string_view(".,|:()").find(text_[at_]) != std::string_view::npos) return {};
    return fail(at_, "bad character " + code_point_text(text_.substr(at_)));
  }
  Result<> field() {
    const std::size_t begin = at_++;
    take_word();
    TRY(check_terminator());
    if (at_ == begin + 1)
      add(Kind::kDot, begin, at_);
    else
      add(Kind::kField, begin, at_, std::string(text_.substr(begin + 1, at_ - begin - 1)));
    return {};
  }
  Result<> variable() {
    const std::size_t begin = at_++;
    take_word();
    TRY(check_terminator());
    add(Kind::kVariable, begin, at_, std::string(text_.substr(begin, at_ - begin)));
    return {};
  }
  void take_any(std::string_view allowed) {
    while (at_ < text_.size() && allowed.find(text_[at_]) != std::string_view::npos) ++at_;
  }
  bool take_one(std::string_view allowed) {
    if (at_ >= text_.size() || allowed.find(text_[at_]) == std::string_view::npos) return false;
    ++at_;
    return true;
  }
  Result<> number() {
    const std::size_t begin = at_;
    take_one("+-");
    std::string_view digits = "0123456789_";
    bool hexadecimal = false;
    if (take_one("0")) {
      if (take_one("xX"))
        digits = "0123456789abcdefABCDEF_", hexadecimal = true;
      else if (take_one("oO"))
        digits = "01234567_";
      else if (take_one("bB"))
        digits = "01_";
    }
    take_any(digits);
    if (take_one(".")) take_any(digits);
    if (take_one(hexadecimal ? "pP" : "eE")) {
      take_one("+-");
      take_any("0123456789_");
    }
    const bool more = at_ < text_.size() && is_word_byte(text_[at_]);
    const std::string_view text = text_.substr(begin, at_ - begin + (more ? 1 : 0));
    if (more || !parse_number(text)) return fail(begin, fmt::format("bad number syntax: {}", go_quote(text)));
    add(Kind::kNumber, begin, at_, std::string(text));
    return {};
  }
  // The end of what begins with `quote` at at_, past its closing one.
  std::optional<std::size_t> closing_quote(char quote) const {
    for (std::size_t i = at_ + 1; i < text_.size() && text_[i] != '\n'; ++i) {
      if (text_[i] == '\\')
        ++i;
      else if (text_[i] == quote)
        return i;
    }
    return std::nullopt;
  }
  Result<> quoted() {
    const auto end = closing_quote('"');
    if (!end) return fail(at_, "unterminated quoted string");
    const auto value = unquote(text_.substr(at_ + 1, *end - at_ - 1), '"');
    if (!value) return fail(at_, "invalid syntax");
    add(Kind::kString, at_, *end + 1, *value);
    at_ = *end + 1;
    return {};
  }
  Result<> raw_string() {
    const std::size_t end = text_.find('`', at_ + 1);
    if (end == std::string_view::npos) return fail(at_, "unterminated raw quoted string");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    std::erase(value, '\r');
    add(Kind::kString, at_, end + 1, std::move(value));
    at_ = end + 1;
    return {};
  }
  Result<> character() {
    const auto end = closing_quote('\'');
    if (!end) return fail(at_, "unterminated character constant");
    const auto value = unquote(text_.substr(at_ + 1, *end - at_ - 1), '\'');
    if (!value || value->empty() || utf8_length(*value) != value->size())
      return fail(at_, fmt::format("malformed character constant: {}", text_.substr(at_, *end + 1 - at_)));
    add(Kind::kCharacter, at_, *end + 1, std::to_string(decode_code_point(*value)));
    at_ = *end + 1;
    return {};
  }

  const Source& source_;
  std::string_view text_;
  std::size_t at_ = 0;
  std::size_t depth_ = 0;
  bool trim_next_ = false, spaced_ = false;
  std::vector<Token> tokens_;
};

}  // namespace

Result<std::vector<Token>> lex(const Source& source) { return Lexer(source).run(); }

}  // namespace strata::cli::templates
