// Which form of layers this machine's kernel and the store's file system can do: tried, not guessed.
#pragma once

#include <string>

#include "base/result.h"
#include "layers/layers.h"
#include "store/store.h"

namespace strata::layers {

// Makes a small index on the store's file system, mounts it, puts overlayfs over it (some kernels near
// 6.12.63 count file-backed EROFS towards the stacking depth) and reads a file through both. The answer is
// kept in run_root/layers-form until the next boot. Not inside a transaction. Errors: only that nothing
// could be written.
Result<Form> probe_form(store::Store& store);

}  // namespace strata::layers
