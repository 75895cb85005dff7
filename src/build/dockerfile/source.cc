#include "build/dockerfile/source.h"

#include <algorithm>

#include "base/strings.h"

namespace strata::dockerfile {

SourceFile::SourceFile(std::string name, std::string text) : name_(std::move(name)), text_(std::move(text)) {
  if (text_.starts_with("\xef\xbb\xbf")) text_.erase(0, 3);
  const std::string_view all = text_;
  for (std::size_t begin = 0; begin < all.size();) {
    std::size_t end = all.find('\n', begin);
    const std::size_t next = end == std::string_view::npos ? all.size() : end + 1;
    if (end == std::string_view::npos) end = all.size();
    std::string_view line = all.substr(begin, end - begin);
    while (line.ends_with('\r')) line.remove_suffix(1);
    lines_.push_back(line);
    begin = next;
  }
}

std::string SourceFile::excerpt(const Range& range) const {
  const int count = static_cast<int>(lines_.size());
  if (range.line < 1 || range.line > count) return "";
  const int last = std::clamp(range.last_line, range.line, count);
  const int around = last == range.line ? 2 : 1;
  std::string out = fmt::format("{}:{}\n--------------------\n", name_, range.line);
  for (int n = std::max(1, range.line - around); n <= std::min(count, last + around); ++n) {
    const bool marked = n >= range.line && n <= last;
    std::string text;
    for (const std::string_view part : split(lines_[static_cast<std::size_t>(n - 1)], '\t')) {
      if (part.data() != lines_[static_cast<std::size_t>(n - 1)].data()) text += '\t';
      text += printable(part);
    }
    out += fmt::format(" {:3} | {} {}\n", n, marked ? ">>>" : "   ", text);
  }
  return out + "--------------------\n";
}

Error error_at(const SourceFile& file, const Range& range, Diagnostics& diagnostics, std::string_view message,
               ErrorKind kind) {
  diagnostics.error_range = range;
  return error(kind, "{}:{}:{}: {}", file.name(), range.line, range.column, message);
}

}  // namespace strata::dockerfile
