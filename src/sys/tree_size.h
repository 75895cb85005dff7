// What a directory takes on disk.
#pragma once

#include <cstdint>
#include <set>
#include <string>

#include "base/result.h"

namespace strata::sys {

// Allocated bytes (st_blocks) of the file or tree at `path` as `du -s` counts them: hard links once, symlinks not
// followed, other file systems left out. Files that vanish meanwhile are passed over. A missing path is 0.
Result<std::uint64_t> tree_size(const std::string& path);

// Inodes of files with several names, of one file system.
using LinkedFiles = std::set<std::uint64_t>;
// The same without files that `counted` holds; those with several names are in it afterwards. For trees that
// link to each other's files.
Result<std::uint64_t> tree_size(const std::string& path, LinkedFiles& counted);

}  // namespace strata::sys
