// Deleting without waiting for the disk: unlinking a large file takes ext4 a tenth of a second, a
// deep tree minutes. So what a command deletes is renamed into root/trash, where it is out of
// everybody's sight, and the background process that the store leaves behind (store.h) deletes it
// there. What a killed one left there the next one finds.
//
// Thread-safe; any number of processes may do both at once.
#pragma once

#include <string>

#include "base/result.h"
#include "store/store.h"

namespace strata::store {

// Takes a file or a directory, which must lie in the store, out of the way. A missing one is no
// error. Where it cannot be renamed (a full disk, a mount of its own) it is deleted here and now.
Result<> discard(Store& store, const std::string& path);

// True while something waits for deletion. One system call when nothing ever did.
bool has_trash(const Paths& paths);

// Deletes what lies there: all that can be deleted, then the first error.
Result<> empty_trash(const Paths& paths);

}  // namespace strata::store
