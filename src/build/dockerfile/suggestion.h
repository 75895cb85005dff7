// "did you mean …?": the option that is fewest edits away, as BuildKit suggests it.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace strata::dockerfile {

// nullopt when nothing is within two edits, or when `word` is one of the options. Without
// `case_sensitive` the suggestion takes the case of `word`.
std::optional<std::string> suggest(std::string_view word, std::span<const std::string_view> options,
                                   bool case_sensitive);
// " (did you mean X?)", or nothing.
std::string suggestion_suffix(std::string_view word, std::span<const std::string_view> options, bool case_sensitive);

}  // namespace strata::dockerfile
