// The root directory of a root file system: overlayfs takes its attributes from the upper.
#pragma once

#include "base/result.h"
#include "layers/layers.h"

namespace strata::layers {

// An upper that no overlay has used yet (its work directory is empty) gets the owner, mode, time
// and extended attributes of `lower`, the root of the topmost tree below it.
Result<> inherit_root(int lower, const UpperDir& upper);

}  // namespace strata::layers
