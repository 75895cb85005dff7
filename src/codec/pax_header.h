// The records of a pax extended header (POSIX.1-2001, "LENGTH keyword=value\n") and the forms of
// their values. Pure; shared by reader and writer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace strata::codec {

using PaxRecord = std::pair<std::string, std::string>;

// In their order; values may hold any byte. Errors: kCorrupt.
Result<std::vector<PaxRecord>> parse_pax_header(std::string_view payload);
void append_pax_record(std::string& payload, std::string_view keyword, std::string_view value);

struct PaxTime {
  std::int64_t seconds = 0;
  std::uint32_t nanoseconds = 0;
  bool operator==(const PaxTime&) const = default;
};
// "-1.5" is 2 seconds before 1970 and half a second more. Digits beyond nanoseconds are rounded
// down.
std::optional<PaxTime> parse_pax_time(std::string_view text);
std::string format_pax_time(PaxTime time);

// GNU tar's spelling of '=' and '%' in the keyword of an xattr.
std::string decode_xattr_keyword(std::string_view keyword);
std::string encode_xattr_keyword(std::string_view name);

// What libarchive writes: names as in URLs, values in base 64 (padded or not).
std::optional<std::string> decode_percent(std::string_view text);
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace strata::codec
