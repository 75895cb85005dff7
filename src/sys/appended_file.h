// Files that a small process writes: one that only grows and is rotated, and one that appears whole.
// No libfmt here: the monitor uses this.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

// A directory to name files in (O_PATH).
Result<UniqueFd> open_directory(const char* path);

struct AppendedFile {
  UniqueFd fd;
  std::uint64_t size = 0;
  bool ends_with_newline = true;  // or is empty
};
// O_APPEND; created with mode 0640.
Result<AppendedFile> open_appended(int directory, const char* name);
// write(2) until all is written; what was written is told on error too.
struct Written {
  std::size_t count = 0;
  int error_number = 0;  // 0 = all of it
};
Written append(int fd, std::span<const std::byte> bytes);

// rename(2) within the directory; a missing `from` is no error.
Result<> rename_in(int directory, const char* from, const char* to);
// unlink(2); missing is no error.
Result<> remove_in(int directory, const char* name);
// Writes `name` so that readers see the old file or all of the new one. No fsync.
Result<> replace_in(int directory, const char* name, std::string_view content);

}  // namespace strata::sys
