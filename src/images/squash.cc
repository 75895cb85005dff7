#include "images/squash.h"

#include <fcntl.h>

#include "images/images.h"
#include "layers/file_stream.h"
#include "layers/layers.h"
#include "layers/upper_tar.h"
#include "oci/chain_id.h"
#include "store/lease.h"
#include "sys/file.h"

namespace strata::images {
namespace {

// The root file system, mounted read-only, as one layer's tar.
Result<> write_tree(layers::Layers& layers, const Image& image, const std::string& path) {
  const sys::UniqueFd root = TRY(layers.mount_rootfs(image.chain_ids, nullptr));
  const sys::UniqueFd file = TRY(sys::open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  layers::FileSink sink(file.get());
  TRY(layers::write_upper_tar(root.get(), sink, {.merged = true}));
  return sink.flush();
}

}  // namespace

Result<Image> squash(Images& images, store::Lease& lease, const Image& image) {
  if (image.chain_ids.size() <= 1) return image;
  const std::string path = fmt::format("{}/squashed-{}", lease.directory(), image.id.hex());
  TRY(write_tree(images.layers(), image, path), "squash {}", image.id.to_string());
  const layers::Unpacked tar = TRY(images.layers().adopt_tar(lease, path));
  const layers::Layer layer = TRY(images.layers().commit(lease, tar, std::nullopt));

  Image squashed;
  squashed.created = image.created;
  squashed.size = layer.tar_size;
  squashed.config = image.config;
  squashed.config.diff_ids = {layer.diff_id};
  for (oci::History& line : squashed.config.history) line.empty_layer = true;
  // Docker's words for an image that stands on no other.
  squashed.config.history.push_back(
      {.created = image.config.created, .comment = fmt::format("create new from {}", image.id.to_string())});
  squashed.config_bytes = squashed.config.to_json();
  squashed.id = oci::Digest::of(squashed.config_bytes);
  squashed.chain_ids = oci::chain_ids(squashed.config.diff_ids);
  return squashed;
}

}  // namespace strata::images
