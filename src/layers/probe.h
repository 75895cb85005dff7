// What this machine's kernel and the store's file system can do for layers: tried, not guessed.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "layers/layers.h"
#include "store/store.h"

namespace strata::layers {

struct Ability {
  Form form = Form::kDirectory;
  bool direct_reads = false;  // direct_reads.h
};

// Makes a small index on the store's file system, mounts it, puts overlayfs over it (some kernels near
// 6.12.63 count file-backed EROFS towards the stacking depth) and reads a file through both; then again with
// direct reads, where the kernel is known to be safe with them. The answer is kept in run_root/layers-form
// until the next boot. Not inside a transaction. Errors: only that nothing could be written.
Result<Ability> probe(store::Store& store);

// The kept answer.
Result<std::optional<Ability>> known_ability(const store::Paths& paths);

}  // namespace strata::layers
