// `system prune`: removes what nothing uses.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "engine/engine.h"
#include "images/images.h"

namespace strata::engine {

struct PruneReport {
  std::vector<std::string> containers;  // ids
  std::vector<images::Removal> images;
  std::uint64_t cached_steps = 0;  // of builds
  std::uint64_t reclaimed = 0;     // bytes on disk
};

// Removes every container that does not run, every image without a tag that no container uses (with
// `all_images`: every image that no container uses), the build cache, and mounts and the bridge when
// nothing needs them. What is in use by a command in flight stays. With a filter only containers and images
// that match it; the build cache, which has neither times nor labels, then stays.
Result<PruneReport> prune(Engine& engine, bool all_images, const images::PruneFilter& filter = {});

}  // namespace strata::engine
