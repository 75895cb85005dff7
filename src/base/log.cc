#include "base/log.h"

#include <atomic>
#include <cstdio>
#include <string>

namespace strata {
namespace {

std::atomic<LogLevel> threshold{LogLevel::kWarn};

std::string_view prefix(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "DEBUG: ";
    case LogLevel::kInfo:
      return "INFO: ";
    case LogLevel::kWarn:
      return "WARNING: ";
    case LogLevel::kError:
      return "ERROR: ";
  }
  return "";
}

}  // namespace

void set_log_level(LogLevel level) { threshold = level; }
bool log_enabled(LogLevel level) { return level >= threshold.load(std::memory_order_relaxed); }

std::optional<LogLevel> parse_log_level(std::string_view name) {
  if (name == "debug" || name == "trace") return LogLevel::kDebug;
  if (name == "info") return LogLevel::kInfo;
  if (name == "warn" || name == "warning") return LogLevel::kWarn;
  if (name == "error" || name == "fatal" || name == "panic") return LogLevel::kError;
  return std::nullopt;
}

void log_line(LogLevel level, std::string_view text) {
  std::string line(prefix(level));
  line += text;
  line += '\n';
  std::fwrite(line.data(), 1, line.size(), stderr);
}

}  // namespace strata
