#include "sys/page_cache.h"

#include <fcntl.h>

namespace strata::sys {

void drop_page_cache(int fd) { (void)::posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED); }

}  // namespace strata::sys
