#include "sys/direct_io.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

namespace strata::sys {

Result<std::uint32_t> direct_io_alignment(const std::string& path) {
  struct statx info{};
  if (::statx(AT_FDCWD, path.c_str(), 0, STATX_DIOALIGN, &info) != 0) return error_from(errno, "statx {}", path);
  if ((info.stx_mask & STATX_DIOALIGN) == 0 || info.stx_dio_offset_align == 0) return 0;
  return std::max(info.stx_dio_offset_align, info.stx_dio_mem_align);
}

}  // namespace strata::sys
