// The text of a Dockerfile, places in it, and what there is to say about them.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::dockerfile {

// Lines and columns count from 1; columns count bytes. `last_line` >= `line`.
struct Range {
  int line = 0;
  int column = 1;
  int last_line = 0;
};

// A file's name (as messages show it) and text. A UTF-8 byte order mark is dropped. Immutable.
class SourceFile {
 public:
  SourceFile(std::string name, std::string text);

  const std::string& name() const { return name_; }
  const std::string& text() const { return text_; }
  // The lines without their ends (LF or CR LF).
  const std::vector<std::string_view>& lines() const { return lines_; }

  // The marked lines with a few around them, as docker prints it:
  //   Dockerfile:3
  //   --------------------
  //      2 |     FROM debian
  //      3 | >>> RUN false
  //   --------------------
  // Control characters are escaped. Empty when the range lies outside the file.
  std::string excerpt(const Range& range) const;

  SourceFile(const SourceFile&) = delete;
  SourceFile& operator=(const SourceFile&) = delete;

 private:
  std::string name_;
  std::string text_;
  std::vector<std::string_view> lines_;
};

struct Warning {
  std::string rule;  // BuildKit's name of the lint rule
  std::string message;
  Range range;
};

// Collects what is found on the way: warnings, and the place of the error that ended it.
struct Diagnostics {
  std::vector<Warning> warnings;
  std::optional<Range> error_range;

  void warn(std::string rule, const Range& range, std::string message) {
    warnings.push_back({std::move(rule), std::move(message), range});
  }
};

// "NAME:LINE:COLUMN: message" (kInvalidArgument unless said), and notes the place in `diagnostics`.
Error error_at(const SourceFile& file, const Range& range, Diagnostics& diagnostics, std::string_view message,
               ErrorKind kind = ErrorKind::kInvalidArgument);

}  // namespace strata::dockerfile
