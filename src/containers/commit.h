// An image made of a container: its image's layers, and one more with what its upper holds.
//
// - The upper is read as it lies on the disk; nothing that did not change is read. Tar, digest and index are made
//   by a worker while the upper is still being read. What is mounted in the container (volumes, binds, /proc, the
//   files in /etc that are ours) is not in it.
// - With `pause`, a container that runs is frozen meanwhile (the cgroup freezer). A small process
//   watches over that: whatever becomes of us, the container goes on.
// - A container that changed nothing gives an image without a further layer, with a line of history all the same.
// - The config is the container's, as docker's: what the image and the container's creator said, then
//   `change`.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "oci/image_config.h"
#include "oci/reference.h"

namespace strata::containers {

struct CommitOptions {
  std::string author;
  std::string comment;
  bool pause = true;
  std::optional<oci::Reference> tag;
  // Called once the config is there, before anything is written: --change. May be empty.
  std::function<Result<>(oci::ImageConfig& config)> change;
  std::uint64_t max_layer_size = std::uint64_t{64} << 30;  // of the tar, bytes
};

}  // namespace strata::containers
