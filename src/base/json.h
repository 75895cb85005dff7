// JSON that may come from anywhere: parsing never throws, depth is bounded, and reading a field of
// the wrong type is an error that names the field.
//
// Include this only in .cc files; headers use <nlohmann/json_fwd.hpp>. `json` keeps keys sorted,
// `ordered_json` keeps the order of insertion (for bytes whose order a digest or a reader sees).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include <nlohmann/json.hpp>

namespace strata {

using json = nlohmann::json;
using ordered_json = nlohmann::ordered_json;

inline constexpr std::size_t kMaxJsonDepth = 64;
// A value takes up to 120 bytes of memory, however few bytes of text it is.
inline constexpr std::size_t kMaxJsonValues = 250'000;

// Errors: kCorrupt, with the byte offset; kResourceExhausted for more than kMaxJsonValues.
Result<json> parse_json(std::string_view text);

// The member `name`, or null when `object` has none (or a JSON null, or is no object).
const json* find(const json& object, std::string_view name);

// Typed members; absent (or null) gives the fallback, another type gives kCorrupt naming the member.
Result<std::string> string_member(const json& object, std::string_view name, std::string fallback = "");
Result<std::int64_t> int_member(const json& object, std::string_view name, std::int64_t fallback = 0);
Result<bool> bool_member(const json& object, std::string_view name, bool fallback = false);
Result<std::vector<std::string>> strings_member(const json& object, std::string_view name);

}  // namespace strata
