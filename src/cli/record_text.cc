#include "cli/record_text.h"

#include <ctime>

#include "base/strings.h"
#include <fmt/core.h>

namespace strata::cli {

std::string age_text(Timestamp then, Timestamp present) {
  return human_duration(std::chrono::duration_cast<std::chrono::seconds>(present - then)) + " ago";
}

std::string time_text(Timestamp time) {
  const std::time_t seconds = std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
  std::tm parts{};
  if (::localtime_r(&seconds, &parts) == nullptr) return "";
  char text[64];
  const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S %z %Z", &parts);
  return {text, length};
}

std::string labels_text(const std::map<std::string, std::string>& labels) {
  std::string text;
  for (const auto& [key, value] : labels) text += (text.empty() ? "" : ",") + key + "=" + value;
  return text;
}

}  // namespace strata::cli
