#include "build/dockerfile/suggestion.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"

namespace strata::dockerfile {
namespace {

constexpr std::size_t kMaxDistance = 2;
constexpr std::size_t kMaxWord = 64;  // longer words are not what somebody mistyped

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t above = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
      diagonal = above;
    }
  }
  return row[b.size()];
}

std::string to_upper(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

}  // namespace

std::optional<std::string> suggest(std::string_view word, std::span<const std::string_view> options,
                                   bool case_sensitive) {
  if (word.size() > kMaxWord) return std::nullopt;
  const std::string wanted = case_sensitive ? std::string(word) : to_lower(word);
  std::optional<std::string> best;
  std::size_t best_distance = kMaxDistance + 1;
  for (const std::string_view option : options) {
    const std::string candidate = case_sensitive ? std::string(option) : to_lower(option);
    const std::size_t distance = edit_distance(wanted, candidate);
    if (distance == 0) return std::nullopt;
    if (distance < best_distance) {
      best_distance = distance;
      best = candidate;
    }
  }
  if (best && !case_sensitive && word == to_upper(word)) best = to_upper(*best);
  return best;
}

std::string suggestion_suffix(std::string_view word, std::span<const std::string_view> options, bool case_sensitive) {
  const auto found = suggest(word, options, case_sensitive);
  return found ? " (did you mean " + *found + "?)" : "";
}

}  // namespace strata::dockerfile
