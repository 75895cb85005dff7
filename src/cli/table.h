// Columns of text as docker prints them: headings, at least ten wide and three spaces between, no trailing spaces.
#pragma once

#include <string>
#include <vector>

namespace strata::cli {

class Table {
 public:
  // No headings: rows only (--quiet and the like do not need a table at all).
  explicit Table(std::vector<std::string> headings) : rows_{std::move(headings)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
  // Widths count code points, so that names in any script line up.
  std::string to_string() const;

 private:
  std::vector<std::vector<std::string>> rows_;
};

// `text` cut to `width` code points, the last being "…", as docker ps cuts commands.
std::string ellipsis(const std::string& text, std::size_t width);

}  // namespace strata::cli
