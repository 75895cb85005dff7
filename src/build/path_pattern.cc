#include "build/path_pattern.h"

#include <algorithm>

#include "base/strings.h"

namespace strata::build {
namespace {

Error syntax_error(std::string_view text) {
  return error(ErrorKind::kInvalidArgument, "syntax error in pattern \"{}\"", printable(text));
}

}  // namespace

Result<PathPattern> PathPattern::parse(std::string_view text, Dialect dialect) {
  PathPattern pattern;
  auto add = [&](Token token) { pattern.tokens_.push_back(std::move(token)); };
  bool literal_after_start = true;  // nothing special behind a leading **
  const bool leading_stars = dialect == Dialect::kIgnore && text.starts_with("**") && !text.starts_with("**/");
  for (std::size_t at = 0; at < text.size();) {
    const char c = text[at++];
    if (c == '*') {
      const bool leading = at == 1;
      if (dialect == Dialect::kIgnore && at < text.size() && text[at] == '*') {
        ++at;
        if (at < text.size() && text[at] == '/') ++at;
        const bool last = at == text.size();
        add({.kind = last ? Token::Kind::kEverything : Token::Kind::kDirectories});
        if (!leading) literal_after_start = false;
      } else {
        add({.kind = Token::Kind::kStar});
        literal_after_start = false;
      }
    } else if (c == '?') {
      add({.kind = Token::Kind::kAny});
      literal_after_start = false;
    } else if (c == '[') {
      Token token{.kind = Token::Kind::kClass};
      if (at < text.size() && text[at] == '^') {
        token.negated = true;
        ++at;
      }
      auto next = [&]() -> Result<unsigned char> {
        if (at < text.size() && text[at] == '\\') ++at;
        if (at >= text.size()) return syntax_error(text);
        return static_cast<unsigned char>(text[at++]);
      };
      while (at < text.size() && (text[at] != ']' || token.ranges.empty())) {
        if (text[at] == ']') return syntax_error(text);
        const unsigned char low = TRY(next());
        unsigned char high = low;
        if (at < text.size() && text[at] == '-') {
          ++at;
          high = TRY(next());
        }
        token.ranges.emplace_back(low, high);
      }
      if (at >= text.size()) return syntax_error(text);
      ++at;
      add(std::move(token));
      literal_after_start = false;
    } else if (c == '\\') {
      if (at == text.size()) return syntax_error(text);
      add({.kind = Token::Kind::kCharacter, .character = text[at++]});
      literal_after_start = false;
    } else {
      add({.kind = Token::Kind::kCharacter, .character = c});
    }
  }
  // "**name": the whole rest is compared with the end of the path, in the middle of a name too.
  if (leading_stars && literal_after_start && !pattern.tokens_.empty())
    pattern.tokens_[0].kind = Token::Kind::kEverything;
  return pattern;
}

bool PathPattern::accepts(const Token& token, char c) const {
  switch (token.kind) {
    case Token::Kind::kCharacter:
      return c == token.character;
    case Token::Kind::kAny:
    case Token::Kind::kStar:
      return c != '/';
    case Token::Kind::kClass: {
      if (c == '/') return false;
      const auto byte = static_cast<unsigned char>(c);
      const bool inside =
          std::ranges::any_of(token.ranges, [&](auto range) { return range.first <= byte && byte <= range.second; });
      return inside != token.negated;
    }
    case Token::Kind::kDirectories:
    case Token::Kind::kEverything:
      return true;
  }
  return false;
}

bool PathPattern::matches(std::string_view path) const {
  // The set of tokens that may come next, for all ways at once.
  std::vector<char> state(tokens_.size() + 1, 0);
  std::vector<char> next(tokens_.size() + 1, 0);
  // `after_slash`: whether a run of directories may end here.
  auto close = [&](std::vector<char>& set) {
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      const auto kind = tokens_[i].kind;
      if (set[i] && (kind == Token::Kind::kStar || kind == Token::Kind::kEverything)) set[i + 1] = 1;
      if (set[i] == 1 && kind == Token::Kind::kDirectories) set[i + 1] = 1;
    }
  };
  // 1: reached; 2: inside the directories of a **/ that have not ended in a slash yet.
  state[0] = 1;
  close(state);
  for (std::size_t at = 0; at < path.size(); ++at) {
    const char c = path[at];
    std::fill(next.begin(), next.end(), 0);
    for (std::size_t i = 0; i < tokens_.size(); ++i) {
      if (state[i] == 0 || !accepts(tokens_[i], c)) continue;
      switch (tokens_[i].kind) {
        case Token::Kind::kStar:
        case Token::Kind::kEverything:
          next[i] = 1;
          break;
        case Token::Kind::kDirectories:
          if (next[i] == 0) next[i] = 2;
          if (c == '/') next[i + 1] = 1;
          break;
        default:
          next[i + 1] = 1;
      }
    }
    close(next);
    std::swap(state, next);
  }
  return state[tokens_.size()] == 1;
}

bool has_wildcard(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '*' || text[i] == '?' || text[i] == '[') {
      return true;
    }
  }
  return false;
}

std::string clean_path(std::string_view path) {
  const bool absolute = path.starts_with('/');
  std::vector<std::string_view> parts;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && !parts.empty() && parts.back() != "..") {
      parts.pop_back();
    } else if (part != ".." || !absolute) {
      parts.push_back(part);
    }
  }
  std::string out = absolute ? "/" : "";
  for (const std::string_view part : parts) {
    if (!out.empty() && out != "/") out += '/';
    out += part;
  }
  return out.empty() ? "." : out;
}

}  // namespace strata::build
