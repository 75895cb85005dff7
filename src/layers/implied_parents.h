// What a directory that a layer only implies has in the layers below.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "layers/layers.h"
#include "layers/worker_protocol.h"

namespace strata::layers {

// `below` is the merged tree of the layers below (an overlay mount; whiteouts and opaque directories have
// done their work). Directories that are not there, and those that have just what a new directory
// gets, are left out. No symlink is followed: a directory hides a symlink below it.
Result<ImpliedAttributes> attributes_below(int below, const std::vector<Unpacked::Implied>& implied);

}  // namespace strata::layers
