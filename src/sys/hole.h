// Where a file has data and where holes: lseek(2) with SEEK_DATA and SEEK_HOLE.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"

namespace strata::sys {

struct DataRange {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
};

// The ranges of the first `size` bytes that may hold other bytes than zero, in order. One for all
// of them where the file system does not tell. Moves the descriptor's position.
Result<std::vector<DataRange>> data_ranges(int fd, std::uint64_t size);

}  // namespace strata::sys
