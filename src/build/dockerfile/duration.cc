#include <cmath>

#include "build/dockerfile/instruction.h"

namespace strata::dockerfile {

std::optional<std::chrono::nanoseconds> parse_duration(std::string_view text) {
  struct Unit {
    std::string_view name;
    double nanoseconds;
  };
  // Longer names first: "ms" is not "m".
  static constexpr Unit kUnits[] = {{"ns", 1},   {"us", 1e3}, {"\u00b5s", 1e3}, {"\u03bcs", 1e3},
                                    {"ms", 1e6}, {"s", 1e9},  {"m", 6e10},      {"h", 3.6e12}};
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return std::nullopt;
  double total = 0;
  while (!text.empty()) {
    double value = 0;
    double scale = 0;  // of the next digit behind the point; 0 before it
    bool digits = false;
    for (; !text.empty(); text.remove_prefix(1)) {
      const char c = text.front();
      if (c == '.' && scale == 0) {
        scale = 0.1;
      } else if (c >= '0' && c <= '9') {
        digits = true;
        if (scale == 0) {
          value = value * 10 + (c - '0');
        } else {
          value += scale * (c - '0');
          scale /= 10;
        }
      } else {
        break;
      }
    }
    if (!digits) return std::nullopt;
    const Unit* unit = nullptr;
    for (const Unit& u : kUnits)
      if (unit == nullptr && text.starts_with(u.name)) unit = &u;
    if (unit == nullptr) return std::nullopt;
    text.remove_prefix(unit->name.size());
    total += value * unit->nanoseconds;
    if (total > 9.2e18) return std::nullopt;
  }
  return std::chrono::nanoseconds(std::llround(negative ? -total : total));
}

}  // namespace strata::dockerfile
