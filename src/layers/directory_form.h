// A layer's tree as real files in a directory: the fallback where EROFS cannot be mounted. The same tree, so
// the same rules: whiteouts as devices 0:0, opaque directories and so on as layer_tree.h says.
//
// One thread makes the directories, several fill them, each directory by one thread; then come the links
// between directories and the attributes of directories, deepest first. No path is longer than
// PATH_MAX for the kernel: deep directories are opened step by step.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "codec/erofs_tree.h"

namespace strata::layers {

// `directory` is empty and on a file system with the xattrs that the tree needs; `tar` is the layer's.
// Needs the capabilities CHOWN, DAC_OVERRIDE, FOWNER, FSETID, MKNOD, SETFCAP and SYS_ADMIN (trusted.*).
// After an error the directory holds a part, which the caller deletes.
Result<> write_directory_form(const codec::ErofsTree& tree, int tar, int directory, unsigned threads);

}  // namespace strata::layers
