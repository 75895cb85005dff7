// Points in time as the formats we speak write them.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace strata {

// Nanoseconds since 1970 UTC; negative before.
using Timestamp = std::chrono::sys_time<std::chrono::nanoseconds>;

Timestamp now();

// "2026-01-02T03:04:05.123456789Z" (RFC 3339, always nine digits, as Docker's logs and JSON have it).
std::string to_rfc3339(Timestamp time);
// Any RFC 3339 time, with 0 to 9 digits of fraction and any offset. nullopt when it is none.
std::optional<Timestamp> parse_rfc3339(std::string_view text);

// "Less than a second", "5 seconds", "About a minute", "3 hours", "2 weeks": as docker ps says it.
std::string human_duration(std::chrono::seconds duration);

}  // namespace strata
