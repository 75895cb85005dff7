#include "images/import.h"

#include "base/clock.h"
#include "images/images.h"
#include "layers/layers.h"
#include "store/lease.h"

namespace strata::images {

Result<Image> import_tar(Images& images, int input, const ImportOptions& options) {
  oci::ImageConfig config;
  config.created = to_rfc3339(now());
  config.os = options.platform.os;
  config.architecture = options.platform.architecture;
  config.variant = options.platform.variant;
  config.history.push_back({.created = config.created, .comment = options.message});
  if (options.change) TRY(options.change(config));

  store::Lease lease = TRY(store::Lease::create(images.store()));
  const auto unpacked = images.layers().unpack(lease, input, {.max_tar_size = options.max_layer_size});
  // A transfer that broke looks like a damaged tar from here.
  if (options.check_input) TRY(options.check_input());
  if (!unpacked) return unpacked.error();
  const layers::Layer layer = TRY(images.layers().commit(lease, *unpacked, std::nullopt));
  config.diff_ids = {layer.diff_id};
  return images.add(config.to_json(), options.tag);
}

}  // namespace strata::images
