#include "base/clock.h"

#include "base/strings.h"
#include <fmt/core.h>

namespace strata {
namespace {

using namespace std::chrono;

// Reads exactly `width` digits at `at`; nullopt if they are not there.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t width) {
  if (text.size() < at + width) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, width)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

}  // namespace

Timestamp now() { return time_point_cast<nanoseconds>(system_clock::now()); }

std::string to_rfc3339(Timestamp time) {
  const auto day = floor<days>(time);
  const year_month_day date(day);
  const hh_mm_ss clock(time - day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:09}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

std::optional<Timestamp> parse_rfc3339(std::string_view text) {
  const auto y = digits(text, 0, 4), mo = digits(text, 5, 2), d = digits(text, 8, 2);
  const auto h = digits(text, 11, 2), mi = digits(text, 14, 2), s = digits(text, 17, 2);
  if (!y || !mo || !d || !h || !mi || !s || text[4] != '-' || text[7] != '-') return std::nullopt;
  if ((text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  const year_month_day date{year(*y), month(static_cast<unsigned>(*mo)), day(static_cast<unsigned>(*d))};
  if (!date.ok() || *h > 23 || *mi > 59 || *s > 60) return std::nullopt;
  text.remove_prefix(19);
  nanoseconds fraction{0};
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    std::int64_t scale = 100'000'000;
    std::size_t count = 0;
    for (; count < text.size() && text[count] >= '0' && text[count] <= '9'; ++count, scale /= 10)
      fraction += nanoseconds((text[count] - '0') * scale);
    if (count == 0) return std::nullopt;
    text.remove_prefix(count);
  }
  minutes offset{0};
  if (text != "Z" && text != "z") {
    const auto oh = digits(text, 1, 2), om = digits(text, 4, 2);
    if (text.size() != 6 || !oh || !om || text[3] != ':' || (text[0] != '+' && text[0] != '-')) return std::nullopt;
    offset = hours(*oh) + minutes(*om);
    if (text[0] == '-') offset = -offset;
  }
  return sys_days(date) + hours(*h) + minutes(*mi) + seconds(*s) + fraction - offset;
}

std::string human_duration(std::chrono::seconds duration) {
  const auto s = duration.count();
  const auto m = s / 60, h = (s + 1800) / 3600;
  if (s < 1) return "Less than a second";
  if (s == 1) return "1 second";
  if (s < 60) return fmt::format("{} seconds", s);
  if (m == 1) return "About a minute";
  if (m < 60) return fmt::format("{} minutes", m);
  if (h == 1) return "About an hour";
  if (h < 48) return fmt::format("{} hours", h);
  if (h < 24 * 14) return fmt::format("{} days", h / 24);
  if (h < 24 * 60) return fmt::format("{} weeks", h / 24 / 7);
  if (h < 24 * 365 * 2) return fmt::format("{} months", h / 24 / 30);
  return fmt::format("{} years", h / 24 / 365);
}

}  // namespace strata
