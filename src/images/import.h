// Docker's import: a tar of a root file system becomes an image with one layer.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/result.h"
#include "images/image.h"
#include "oci/image_config.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace strata::images {

class Images;

struct ImportOptions {
  oci::Platform platform;  // what the image says it is for
  std::string message;     // its history's only comment
  std::optional<oci::Reference> tag;
  // Called before anything is read: --change. May be empty.
  std::function<Result<>(oci::ImageConfig& config)> change;
  std::uint64_t max_layer_size = std::uint64_t{64} << 30;  // of the uncompressed tar, bytes
  // Called when the tar has been read to its end, before the image is there: whether that was all
  // of it. May be empty.
  std::function<Result<>()> check_input;
};
// `input` is read to its end: a tar in any compression. Errors: those of Layers::unpack; nothing
// stays then.
Result<Image> import_tar(Images& images, int input, const ImportOptions& options);

}  // namespace strata::images
