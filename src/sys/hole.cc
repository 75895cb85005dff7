#include "sys/hole.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace strata::sys {

Result<std::vector<DataRange>> data_ranges(int fd, std::uint64_t size) {
  std::vector<DataRange> ranges;
  std::uint64_t at = 0;
  while (at < size) {
    const off_t data = ::lseek(fd, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;  // a hole up to the end
    if (data < 0 && (errno == EINVAL || errno == ENOTSUP)) return std::vector<DataRange>{{0, size}};
    if (data < 0) return error_from(errno, "lseek");
    const off_t hole = ::lseek(fd, data, SEEK_HOLE);
    if (hole < 0) return error_from(errno, "lseek");
    const auto begin = static_cast<std::uint64_t>(data);
    const std::uint64_t end = std::min(static_cast<std::uint64_t>(hole), size);
    if (begin >= size) break;
    ranges.push_back({begin, end - begin});
    at = end;
  }
  return ranges;
}

}  // namespace strata::sys
