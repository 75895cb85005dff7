#include "registry/challenge.h"

#include <algorithm>
#include <cctype>

#include "base/strings.h"

namespace strata::registry {
namespace {

// A scanner over one header value: schemes, and name=value pairs whose values may be quoted.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}

  bool at_end() {
    skip(" \t,");
    return rest_.empty();
  }
  std::string_view token() {
    std::size_t n = 0;
    while (n < rest_.size() && is_token(rest_[n])) ++n;
    if (n == 0) n = std::min<std::size_t>(1, rest_.size());  // some other character: passed over
    return take(n);
  }
  bool equals_sign() {
    skip(" \t");
    if (!rest_.starts_with('=')) return false;
    take(1);
    skip(" \t");
    return true;
  }
  std::string value() {
    if (!rest_.starts_with('"')) return std::string(token());
    take(1);
    std::string text;
    while (!rest_.empty() && rest_[0] != '"') {
      if (rest_[0] == '\\' && rest_.size() > 1) take(1);
      text += take(1);
    }
    if (!rest_.empty()) take(1);
    return text;
  }

 private:
  static bool is_token(char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
           std::string_view("!#$%&'*+-.^_`|~:/?@").find(c) != std::string_view::npos;
  }
  std::string_view take(std::size_t n) {
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  void skip(std::string_view set) { rest_.remove_prefix(std::min(rest_.find_first_not_of(set), rest_.size())); }
  std::string_view rest_;
};

void parse_value(std::string_view text, std::vector<Challenge>& challenges) {
  Scanner scanner(text);
  Challenge* current = nullptr;
  while (!scanner.at_end()) {
    const std::string name = to_lower(scanner.token());
    if (!scanner.equals_sign()) {
      current = nullptr;
      if (name == "bearer" || name == "basic") {
        challenges.push_back(Challenge{.bearer = name == "bearer"});
        current = &challenges.back();
      }
      continue;
    }
    std::string value = scanner.value();
    if (current == nullptr) continue;
    if (name == "realm")
      current->realm = std::move(value);
    else if (name == "service")
      current->service = std::move(value);
    else if (name == "scope")
      current->scope = std::move(value);
    else if (name == "error")
      current->error = std::move(value);
  }
}

}  // namespace

std::optional<Challenge> parse_challenge(const fetch::Headers& headers) {
  std::vector<Challenge> challenges;
  for (const auto& [name, value] : headers)
    if (name == "www-authenticate") parse_value(value, challenges);
  for (const Challenge& challenge : challenges)
    if (challenge.bearer && !challenge.realm.empty()) return challenge;
  for (const Challenge& challenge : challenges)
    if (!challenge.bearer) return challenge;
  return std::nullopt;
}

}  // namespace strata::registry
