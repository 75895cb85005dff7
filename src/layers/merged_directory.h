// Several layers that lie on each other as one directory: what merged_index.h is, in directory form. Directories are
// made, everything else is a hard link into the layers' own directories, so it takes hardly any room.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "layers/merged_tree.h"

namespace strata::layers {

// `roots` are the layers' directories, parallel to `sources`, bottom first; `directory` is empty and on the same file
// system. Returns the bytes that its own directories take. After an error it holds a part, which the caller
// deletes.
Result<std::uint64_t> write_merged_directory(const std::vector<MergedTree::Source>& sources,
                                             const std::vector<std::string>& roots, bool with_whiteouts, int directory);

}  // namespace strata::layers
