// A directory's content, copied with all that belongs to it: owners, modes, times, extended attributes,
// hard links, symlinks, devices, holes. Symlinks are copied, never followed, so neither tree can lead
// out of itself as long as nobody else changes them meanwhile.
#pragma once

#include <string>

#include "base/result.h"

namespace strata::sys {

// What is in the directory `from` goes into the directory `to`, which exists and gets from's owner, mode, times
// and attributes. Sockets are left out. trusted.overlay.* attributes are not copied.
Result<> copy_tree(int from, int to);

}  // namespace strata::sys
