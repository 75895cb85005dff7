// The texts of an image's history, letter by letter as BuildKit writes them (dockerfile2llb/convert.go),
// and the values in them as Go's fmt prints them.
#pragma once

#include <chrono>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "build/dockerfile/instruction.h"

namespace strata::build {

inline constexpr std::string_view kHistoryComment = "buildkit.dockerfile.v0";

std::string go_quote(std::string_view text);                    // %q
std::string go_quoted_list(std::span<const std::string> list);  // %q of a slice: ["a" "b"]
std::string go_list(std::span<const std::string> list);         // %v of a slice: [a b]
std::string go_duration(std::chrono::nanoseconds duration);     // "1m30s", "500ms", "0s"

std::string healthcheck_history(const dockerfile::Healthcheck& check);
// The config's Healthcheck object as JSON.
std::string healthcheck_json(const dockerfile::Healthcheck& check);

}  // namespace strata::build
