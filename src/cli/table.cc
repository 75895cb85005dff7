#include "cli/table.h"

#include <algorithm>

namespace strata::cli {
namespace {

constexpr std::size_t kGap = 3;
constexpr std::size_t kNarrowest = 10;  // of a column, its gap included

bool starts_code_point(char c) { return (static_cast<unsigned char>(c) & 0xc0) != 0x80; }

std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, starts_code_point));
}

}  // namespace

std::string Table::to_string() const {
  std::vector<std::size_t> widths;
  for (const auto& row : rows_) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width_of(row[i]));
  }
  std::string text;
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += row[i];
      if (i + 1 < row.size()) text.append(std::max(widths[i] + kGap, kNarrowest) - width_of(row[i]), ' ');
    }
    while (text.ends_with(' ')) text.pop_back();
    text += '\n';
  }
  return text;
}

std::string ellipsis(const std::string& text, std::size_t width) {
  if (width_of(text) <= width) return text;
  std::size_t points = 0;
  std::size_t end = 0;
  for (; end < text.size(); ++end)
    if (starts_code_point(text[end]) && ++points == width) break;
  return text.substr(0, end) + "…";
}

}  // namespace strata::cli
