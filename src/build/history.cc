#include "build/history.h"

#include "base/json.h"
#include "base/strings.h"

namespace strata::build {

std::string go_quote(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\a':
        out += "\\a";
        break;
      case '\b':
        out += "\\b";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\v':
        out += "\\v";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

std::string go_quoted_list(std::span<const std::string> list) {
  std::string out = "[";
  for (const std::string& item : list) out += (out.size() > 1 ? " " : "") + go_quote(item);
  return out + "]";
}

std::string go_list(std::span<const std::string> list) { return "[" + join(list, " ") + "]"; }

std::string go_duration(std::chrono::nanoseconds duration) {
  const long long total = duration.count();
  if (total == 0) return "0s";
  if (total < 0) return "-" + go_duration(-duration);
  const auto with_fraction = [](long long value, long long unit) {
    std::string text = std::to_string(value / unit);
    if (value % unit != 0) {
      std::string fraction = std::to_string(value % unit + unit).substr(1);
      while (fraction.ends_with('0')) fraction.pop_back();
      text += "." + fraction;
    }
    return text;
  };
  if (total < 1000) return std::to_string(total) + "ns";
  if (total < 1'000'000) return with_fraction(total, 1000) + "\u00b5s";
  if (total < 1'000'000'000) return with_fraction(total, 1'000'000) + "ms";
  const long long minutes = total / 60'000'000'000;
  std::string out;
  if (minutes >= 60) out += std::to_string(minutes / 60) + "h";
  if (minutes > 0) out += std::to_string(minutes % 60) + "m";
  return out + with_fraction(total % 60'000'000'000, 1'000'000'000) + "s";
}

std::string healthcheck_history(const dockerfile::Healthcheck& check) {
  return fmt::format("HEALTHCHECK {{Test:{} Interval:{} Timeout:{} StartPeriod:{} StartInterval:{} Retries:{}}}",
                     go_list(check.test), go_duration(check.interval), go_duration(check.timeout),
                     go_duration(check.start_period), go_duration(check.start_interval), check.retries);
}

std::string healthcheck_json(const dockerfile::Healthcheck& check) {
  ordered_json out;
  out["Test"] = check.test;
  const auto add = [&](const char* name, std::chrono::nanoseconds value) {
    if (value.count() != 0) out[name] = value.count();
  };
  add("Interval", check.interval);
  add("Timeout", check.timeout);
  add("StartPeriod", check.start_period);
  add("StartInterval", check.start_interval);
  if (check.retries != 0) out["Retries"] = check.retries;
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace strata::build
