// Diagnostics for the person at the terminal: one line on standard error per message, from apps, cli
// and engine. A library returns an Error instead of logging it. Thread-safe.
#pragma once

#include <optional>
#include <string_view>

#include <fmt/core.h>

namespace strata {

enum class LogLevel { kDebug, kInfo, kWarn, kError };

void set_log_level(LogLevel level);
bool log_enabled(LogLevel level);
// "debug", "info", "warn", "error" (and docker's "fatal", which means error).
std::optional<LogLevel> parse_log_level(std::string_view name);

// One write(2), so that lines of several processes do not mix.
void log_line(LogLevel level, std::string_view text);

template <class... Args>
void log_debug(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kDebug)) log_line(LogLevel::kDebug, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void log_warn(fmt::format_string<Args...> format, Args&&... args) {
  if (log_enabled(LogLevel::kWarn)) log_line(LogLevel::kWarn, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace strata
