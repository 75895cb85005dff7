#include "build/dockerfile/shell_pattern.h"

#include <algorithm>

namespace strata::dockerfile {
namespace {

constexpr std::size_t kMaxWork = std::size_t{1} << 30;      // character comparisons of one replacement
constexpr std::size_t kMaxReplaced = std::size_t{8} << 20;  // bytes

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

// The bytes of the character at `at`; stray bytes count as one each.
std::size_t character_length(std::string_view text, std::size_t at) {
  std::size_t length = 1;
  if ((static_cast<unsigned char>(text[at]) & 0xc0) == 0xc0)
    while (at + length < text.size() && length < 4 && continues_character(text[at + length])) ++length;
  return length;
}

std::vector<std::string_view> characters_of(std::string_view text) {
  std::vector<std::string_view> characters;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = character_length(text, at);
    characters.push_back(text.substr(at, length));
    at += length;
  }
  return characters;
}

}  // namespace

Result<ShellPattern> ShellPattern::parse(std::string_view text) {
  ShellPattern pattern;
  for (std::size_t at = 0; at < text.size();) {
    if (text[at] == '\\') {
      ++at;
      if (at < text.size() && (text[at] == '}' || text[at] == '/')) continue;  // the character itself follows
      if (at == text.size() || (text[at] != '*' && text[at] != '?' && text[at] != '\\'))
        return error(ErrorKind::kInvalidArgument, "invalid escape '\\{}'",
                     at == text.size() ? std::string_view() : text.substr(at, character_length(text, at)));
      pattern.tokens_.push_back({Token::Kind::kText, std::string(1, text[at++])});
      continue;
    }
    if (text[at] == '*' || text[at] == '?') {
      pattern.tokens_.push_back({text[at] == '*' ? Token::Kind::kStar : Token::Kind::kAny, ""});
      ++at;
      continue;
    }
    const std::size_t length = character_length(text, at);
    pattern.tokens_.push_back({Token::Kind::kText, std::string(text.substr(at, length))});
    at += length;
  }
  return pattern;
}

namespace {

// Walks the characters of a value, keeping the set of tokens that may come next: all paths at once.
// `at(i)` is the i-th character, `token(i)` the i-th token, in whichever direction the caller wants.
// Returns the number of characters matched.
template <class TokenAt, class CharacterAt>
std::optional<std::size_t> simulate(std::size_t tokens, std::size_t characters, TokenAt token, CharacterAt at,
                                    bool longest) {
  using Kind = std::remove_cvref_t<decltype(token(0).kind)>;
  std::vector<char> state(tokens + 1, 0);
  std::vector<char> next(tokens + 1, 0);
  auto close = [&](std::vector<char>& set) {  // a star may match nothing
    for (std::size_t i = 0; i < tokens; ++i)
      if (set[i] && token(i).kind == Kind::kStar) set[i + 1] = 1;
  };
  state[0] = 1;
  close(state);
  std::optional<std::size_t> found;
  for (std::size_t n = 0;; ++n) {
    if (state[tokens]) {
      found = n;
      if (!longest) return found;
    }
    if (n == characters) return found;
    const std::string_view character = at(n);
    std::fill(next.begin(), next.end(), 0);
    bool alive = false;
    for (std::size_t i = 0; i < tokens; ++i) {
      if (!state[i]) continue;
      const auto& t = token(i);
      if (t.kind == Kind::kText ? t.text != character : character == "\n") continue;
      next[t.kind == Kind::kStar ? i : i + 1] = 1;
      alive = true;
    }
    if (!alive) return found;
    close(next);
    std::swap(state, next);
  }
}

}  // namespace

std::optional<std::size_t> ShellPattern::match_prefix(std::string_view value, bool longest) const {
  const auto characters = characters_of(value);
  const auto count = simulate(
      tokens_.size(), characters.size(), [&](std::size_t i) -> const Token& { return tokens_[i]; },
      [&](std::size_t i) { return characters[i]; }, longest);
  if (!count) return std::nullopt;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < *count; ++i) bytes += characters[i].size();
  return bytes;
}

std::optional<std::size_t> ShellPattern::match_suffix(std::string_view value, bool longest) const {
  const auto characters = characters_of(value);
  const auto count = simulate(
      tokens_.size(), characters.size(), [&](std::size_t i) -> const Token& { return tokens_[tokens_.size() - 1 - i]; },
      [&](std::size_t i) { return characters[characters.size() - 1 - i]; }, longest);
  if (!count) return std::nullopt;
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < *count; ++i) bytes += characters[characters.size() - 1 - i].size();
  return bytes;
}

Result<std::string> ShellPattern::replace(std::string_view value, std::string_view replacement, bool all) const {
  const auto characters = characters_of(value);
  if (characters.size() > kMaxWork / (characters.size() + 1) / (tokens_.size() + 1))
    return error(ErrorKind::kResourceExhausted, "pattern and value are too long for a replacement");
  std::string out;
  bool after_match = false;
  for (std::size_t at = 0;;) {
    const auto matched = simulate(
        tokens_.size(), characters.size() - at, [&](std::size_t i) -> const Token& { return tokens_[i]; },
        [&](std::size_t i) { return characters[at + i]; }, true);
    // An empty match right behind another match does not count, as in Go's regexp.
    if (matched && !(*matched == 0 && after_match)) {
      if (out.size() > kMaxReplaced) return error(ErrorKind::kResourceExhausted, "replacement is too long");
      out += replacement;
      at += *matched;
      after_match = true;
      if (!all) {
        for (; at < characters.size(); ++at) out += characters[at];
        return out;
      }
      if (*matched > 0) continue;
    }
    if (at == characters.size()) return out;
    out += characters[at++];
    after_match = false;
  }
}

}  // namespace strata::dockerfile
