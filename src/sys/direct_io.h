// Reading a file past the page cache (O_DIRECT).
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

namespace strata::sys {

// What places in the file and in memory must be multiples of: the larger of statx(2)'s stx_dio_offset_align and
// stx_dio_mem_align. 0: this file cannot be read so, or the kernel does not say (before Linux 6.1).
Result<std::uint32_t> direct_io_alignment(const std::string& path);

}  // namespace strata::sys
