// Layers that an image needs and that are lost or damaged come back from where they came: pulls and pushes keep
// which blobs a layer was and which repositories have them.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "images/images.h"

namespace strata::images {

// A client when it turns out that one is needed.
using ClientSource = std::function<Result<registry::Client*>()>;

struct RestoreOptions {
  std::uint64_t max_layer_size = std::uint64_t{64} << 30;  // of the uncompressed tar, bytes
  std::function<void(const std::string&)> note;            // a line for the user before something is fetched
  bool go_on = false;                                      // after a layer that cannot be had, to those above it
};

// Afterwards every layer of the image is here and whole, until somebody removes the image. Nothing is asked of
// the network when nothing is missing. Errors: kCorrupt "image x: its layer sha256:… is lost …", with the
// registry's reason or that the layer was made here.
Result<> restore(Images& images, const Image& image, const ClientSource& client, const RestoreOptions& options);

}  // namespace strata::images
