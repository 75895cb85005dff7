// What the kernel keeps in memory of files.
#pragma once

namespace strata::sys {

// Forgets the clean pages of a file (posix_fadvise(2), POSIX_FADV_DONTNEED), so that the next read is from the
// disk. Best effort.
void drop_page_cache(int fd);

}  // namespace strata::sys
