#include "build/dockerfile/shell_lexer.h"

#include <cctype>

#include "base/strings.h"
#include "build/dockerfile/shell_pattern.h"

namespace strata::dockerfile {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
// Letters beyond ASCII are letters to BuildKit too.
bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || static_cast<unsigned char>(c) >= 0x80;
}
bool is_special_parameter(char c) { return std::string_view("@*#?-$!").find(c) != std::string_view::npos; }

// Collects the words that white space outside quotes separates.
class WordCollector {
 public:
  void add(char c) {
    if (is_space(c)) {
      flush();
    } else {
      word_ += c;
    }
  }
  void add_quoted(std::string_view text) { word_ += text; }
  void add(std::string_view text) {
    for (const char c : text) add(c);
  }
  std::vector<std::string> take() {
    flush();
    return std::move(words_);
  }

 private:
  void flush() {
    if (!word_.empty()) words_.push_back(std::exchange(word_, {}));
  }
  std::string word_;
  std::vector<std::string> words_;
};

class Lexer {
 public:
  Lexer(std::string_view source, const Variables& variables, const LexerOptions& options)
      : source_(source), variables_(variables), options_(options) {}

  struct Piece {
    std::string text;
    std::vector<std::string> words;
  };
  // Reads to `stop` (which is consumed), or to the end when there is none.
  Result<Piece> read(std::optional<char> stop, bool keep_escapes);

  std::set<std::string> used;
  std::set<std::string> unset;

 private:
  bool at_end() const { return position_ >= source_.size(); }
  char peek() const { return source_[position_]; }
  char next() { return source_[position_++]; }

  Result<std::string> single_quoted();
  Result<std::string> double_quoted(bool keep_escapes);
  Result<std::string> dollar();
  Result<std::string> braced();
  Result<std::string> with_word(const std::string& name, char modifier, bool null_is_unset);
  Result<std::string> with_replacement(const std::string& name);
  std::string possible_heredoc();
  std::string name();
  std::optional<std::string> value_of(const std::string& name);

  std::string_view source_;
  std::size_t position_ = 0;
  const Variables& variables_;
  const LexerOptions& options_;
  int nesting_ = 0;
};

Error syntax(std::string_view message) { return Error(ErrorKind::kInvalidArgument, std::string(message)); }

Result<Lexer::Piece> Lexer::read(std::optional<char> stop, bool keep_escapes) {
  Piece piece;
  WordCollector words;
  while (!at_end()) {
    if (piece.text.size() > kMaxExpansion)
      return error(ErrorKind::kResourceExhausted, "expansion is larger than {} bytes", kMaxExpansion);
    const char c = peek();
    if (stop && c == *stop) {
      ++position_;
      piece.words = words.take();
      return piece;
    }
    if (c == '$') {
      const std::string text = TRY(dollar());
      words.add(text);
      piece.text += text;
    } else if (c == '<') {
      const std::string text = possible_heredoc();
      words.add_quoted(text);
      piece.text += text;
    } else if (!options_.literal_quotes && (c == '\'' || c == '"')) {
      const std::string text = TRY(c == '"' ? double_quoted(keep_escapes) : single_quoted());
      words.add_quoted(text);
      piece.text += text;
    } else if (c == options_.escape) {
      ++position_;
      if (keep_escapes) {
        words.add_quoted({&c, 1});
        piece.text += c;
      }
      if (at_end()) break;  // an escape character at the end escapes nothing
      const char escaped = next();
      words.add_quoted({&escaped, 1});
      piece.text += escaped;
    } else {
      words.add(next());
      piece.text += c;
    }
  }
  if (stop)
    return error(ErrorKind::kInvalidArgument, "unexpected end of statement while looking for matching {}", *stop);
  piece.words = words.take();
  return piece;
}

Result<std::string> Lexer::single_quoted() {
  const std::size_t end = source_.find('\'', position_ + 1);
  if (end == std::string_view::npos)
    return syntax("unexpected end of statement while looking for matching single-quote");
  const std::string_view quoted = source_.substr(position_, end + 1 - position_);
  position_ = end + 1;
  return std::string(options_.keep_quotes ? quoted : quoted.substr(1, quoted.size() - 2));
}

Result<std::string> Lexer::double_quoted(bool keep_escapes) {
  std::string text;
  const char quote = next();
  if (options_.keep_quotes) text += quote;
  while (!at_end()) {
    const char c = peek();
    if (c == '"') {
      ++position_;
      if (options_.keep_quotes) text += c;
      return text;
    }
    if (c == '$') {
      text += TRY(dollar());
    } else if (c == options_.escape) {
      ++position_;
      if (at_end()) break;
      // Only these three can be escaped inside double quotes; other backslashes are themselves.
      const bool escapes = peek() == '"' || peek() == '$' || peek() == options_.escape;
      if (!escapes || keep_escapes) text += c;
      if (escapes) text += next();
    } else {
      text += next();
    }
    if (text.size() > kMaxExpansion)
      return error(ErrorKind::kResourceExhausted, "expansion is larger than {} bytes", kMaxExpansion);
  }
  return syntax("unexpected end of statement while looking for matching double-quote");
}

std::string Lexer::possible_heredoc() {
  std::string text(1, next());
  if (at_end() || peek() != '<') return text;
  text += next();
  // White space between << and the word belongs to it: it does not split words.
  while (!at_end() && (peek() == ' ' || peek() == '\t' || peek() == '\r')) text += next();
  return text;
}

std::string Lexer::name() {
  const std::size_t begin = position_;
  if (at_end()) return "";
  if (is_digit(peek())) {
    while (!at_end() && is_digit(peek())) ++position_;
  } else if (is_special_parameter(peek())) {
    ++position_;
  } else {
    while (!at_end() && is_name_character(peek())) ++position_;
  }
  return std::string(source_.substr(begin, position_ - begin));
}

std::optional<std::string> Lexer::value_of(const std::string& name) {
  auto value = variables_(name);
  (value ? used : unset).insert(name);
  return value;
}

Result<std::string> Lexer::dollar() {
  ++position_;
  if (!at_end() && peek() == '{') {
    if (++nesting_ > kMaxNesting)
      return error(ErrorKind::kResourceExhausted, "${{…}} is nested more than {} deep", kMaxNesting);
    ++position_;
    std::string text = TRY(braced());
    --nesting_;
    return text;
  }
  const std::string variable = name();
  if (variable.empty()) return std::string("$");
  auto value = value_of(variable);
  if (!value) return options_.keep_unset ? "$" + variable : std::string();
  return *std::move(value);
}

Result<std::string> Lexer::braced() {
  if (at_end()) return syntax("syntax error: missing '}'");
  if (peek() == '{' || peek() == '}' || peek() == ':') return syntax("syntax error: bad substitution");
  const std::string variable = name();
  if (at_end()) return syntax("syntax error: missing '}'");
  char modifier = next();
  switch (modifier) {
    case '}': {
      auto value = value_of(variable);
      if (!value) return options_.keep_unset ? "${" + variable + "}" : std::string();
      return *std::move(value);
    }
    case ':':
      if (at_end()) return syntax("syntax error: missing '}'");
      return with_word(variable, next(), true);
    case '+':
    case '-':
    case '?':
    case '#':
    case '%':
      return with_word(variable, modifier, false);
    case '/':
      return with_replacement(variable);
    default:
      return error(ErrorKind::kInvalidArgument, "unsupported modifier ({}) in substitution", modifier);
  }
}

Result<std::string> Lexer::with_word(const std::string& variable, char modifier, bool null_is_unset) {
  const std::string written = (null_is_unset ? ":" : "") + std::string(1, modifier);
  const bool is_pattern = modifier == '#' || modifier == '%';
  if (std::string_view("+-?#%").find(modifier) == std::string_view::npos || (is_pattern && null_is_unset))
    return error(ErrorKind::kInvalidArgument, "unsupported modifier ({}) in substitution", written);
  auto piece = read('}', is_pattern || options_.keep_escapes);
  if (!piece) {
    if (at_end() && piece.error().kind() == ErrorKind::kInvalidArgument) return syntax("syntax error: missing '}'");
    return std::move(piece).take_error();
  }
  std::string word = std::move(piece->text);
  const auto value = value_of(variable);
  if (!value && options_.keep_unset) return "${" + variable + written + word + "}";
  const bool missing = !value || (null_is_unset && value->empty());
  switch (modifier) {
    case '-':
      return missing ? word : *value;
    case '+':
      return missing ? std::string() : word;
    case '?':
      if (!missing) return *value;
      if (word.empty()) word = value ? "is not allowed to be empty" : "is not allowed to be unset";
      return error(ErrorKind::kInvalidArgument, "{}: {}", variable, word);
    default: {
      const bool longest = word.starts_with(modifier);
      if (longest) word.erase(0, 1);
      const ShellPattern pattern = TRY(ShellPattern::parse(word), "invalid pattern ({}) in substitution", word);
      std::string_view text = value ? std::string_view(*value) : std::string_view();
      if (modifier == '#') {
        text.remove_prefix(pattern.match_prefix(text, longest).value_or(0));
      } else {
        text.remove_suffix(pattern.match_suffix(text, longest).value_or(0));
      }
      return std::string(text);
    }
  }
}

Result<std::string> Lexer::with_replacement(const std::string& variable) {
  const bool all = !at_end() && peek() == '/';
  if (all) ++position_;
  auto pattern_text = read('/', true);
  if (!pattern_text) {
    if (at_end()) return syntax("syntax error: missing '/' in ${}");
    return std::move(pattern_text).take_error();
  }
  auto replacement = read('}', true);
  if (!replacement) {
    if (at_end()) return syntax("syntax error: missing '}'");
    return std::move(replacement).take_error();
  }
  const auto value = value_of(variable);
  if (!value && options_.keep_unset)
    return fmt::format("${{{}/{}{}/{}}}", variable, all ? "/" : "", pattern_text->text, replacement->text);
  const ShellPattern pattern =
      TRY(ShellPattern::parse(pattern_text->text), "invalid pattern ({}) in substitution", pattern_text->text);
  const std::string_view text = value ? std::string_view(*value) : std::string_view();
  return pattern.replace(text, replacement->text, all);
}

}  // namespace

Result<Expansion> expand(std::string_view word, const Variables& variables, const LexerOptions& options) {
  Lexer lexer(word, variables, options);
  auto piece = lexer.read(std::nullopt, options.keep_escapes);
  if (!piece) return std::move(piece).context(fmt::format("failed to process \"{}\"", printable(word))).take_error();
  return Expansion{.text = std::move(piece->text),
                   .words = std::move(piece->words),
                   .used = std::move(lexer.used),
                   .unset = std::move(lexer.unset)};
}

}  // namespace strata::dockerfile
