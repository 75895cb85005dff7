#include "sys/standard_error.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace strata::sys {
namespace {

ssize_t write_or_drop(void*, const char* text, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t count = ::write(STDERR_FILENO, text + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    done += static_cast<size_t>(count);
  }
  return static_cast<ssize_t>(size);
}

}  // namespace

void drop_lost_messages() {
  // fmt::print() throws where a stream does not take all.
  std::FILE* stream =
      ::fopencookie(nullptr, "w", {.read = nullptr, .write = write_or_drop, .seek = nullptr, .close = nullptr});
  if (stream == nullptr) return;
  std::setvbuf(stream, nullptr, _IONBF, 0);
  stderr = stream;
}

}  // namespace strata::sys
