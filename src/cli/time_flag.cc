#include "cli/time_flag.h"

#include <array>
#include <cmath>
#include <ctime>
#include <optional>
#include <string>
#include <utility>

#include "base/strings.h"

namespace strata::cli {
namespace {

using std::chrono::nanoseconds;

// Digits with an optional fraction at the front of `text`, in units of 1e-9.
std::optional<std::int64_t> take_decimal(std::string_view& text) {
  std::int64_t whole = 0, fraction = 0, scale = 100'000'000;
  bool any = false;
  for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), any = true) {
    whole = whole * 10 + (text[0] - '0');
    if (whole > 9'000'000'000) return std::nullopt;
  }
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    for (; !text.empty() && text[0] >= '0' && text[0] <= '9'; text.remove_prefix(1), scale /= 10, any = true)
      fraction += (text[0] - '0') * scale;
  }
  if (!any) return std::nullopt;
  return whole * 1'000'000'000 + fraction;
}

// Go's time.ParseDuration.
std::optional<nanoseconds> parse_duration(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 7> kUnits{
      {{"ns", 1e-9}, {"us", 1e-6}, {"µs", 1e-6}, {"ms", 1e-3}, {"s", 1}, {"m", 60}, {"h", 3600}}};
  double total = 0;
  if (text.empty()) return std::nullopt;
  while (!text.empty()) {
    const auto value = take_decimal(text);
    if (!value) return std::nullopt;
    bool known = false;
    for (const auto& [unit, seconds] : kUnits) {
      // "m" must not take the front of "ms".
      if (!text.starts_with(unit) || (unit == "m" && text.starts_with("ms"))) continue;
      total += static_cast<double>(*value) * seconds;
      text.remove_prefix(unit.size());
      known = true;
      break;
    }
    if (!known || total > 9e18) return std::nullopt;
  }
  return nanoseconds(static_cast<std::int64_t>(total));
}

// "2026-01-02", "2026-01-02T15", "…T15:04", "…T15:04:05", each in local time.
std::optional<Timestamp> parse_local(std::string_view text) {
  constexpr std::string_view kFull = "0000-01-01T00:00:00";
  if (text.size() != 10 && text.size() != 13 && text.size() != 16 && text.size() != 19) return std::nullopt;
  const std::string whole = std::string(text) + std::string(kFull.substr(text.size()));
  const auto as_utc = parse_rfc3339(whole + "Z");
  if (!as_utc) return std::nullopt;
  const std::time_t seconds =
      std::chrono::system_clock::to_time_t(std::chrono::time_point_cast<std::chrono::system_clock::duration>(*as_utc));
  std::tm parts{};
  ::gmtime_r(&seconds, &parts);
  parts.tm_isdst = -1;
  return Timestamp(std::chrono::seconds(std::mktime(&parts)));
}

}  // namespace

Result<Timestamp> parse_time_flag(std::string_view text, Timestamp now) {
  if (const auto time = parse_rfc3339(text)) return *time;
  if (const auto duration = parse_duration(text)) return now - *duration;
  if (std::string_view rest = text; const auto seconds = take_decimal(rest))
    if (rest.empty()) return Timestamp(nanoseconds(*seconds));
  if (const auto time = parse_local(text)) return *time;
  return error(ErrorKind::kInvalidArgument,
               "invalid time \"{}\": use RFC 3339, seconds since 1970 or a duration like 10m", printable(text));
}

}  // namespace strata::cli
