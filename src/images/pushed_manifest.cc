#include "images/pushed_manifest.h"

#include <algorithm>

namespace strata::images {

bool is_docker_type(std::string_view media_type) { return media_type.starts_with("application/vnd.docker."); }

std::string_view layer_type(bool docker, codec::Compression compression) {
  namespace type = oci::media_type;
  switch (compression) {
    case codec::Compression::kGzip:
      return docker ? type::kDockerLayerGzip : type::kOciLayerGzip;
    case codec::Compression::kZstd:
      return type::kOciLayerZstd;
    default:
      return docker ? type::kDockerLayer : type::kOciLayer;
  }
}

records::StoredManifest make_manifest(const Image& image, std::span<const records::Blob* const> blobs,
                                      const oci::Manifest* original) {
  const bool zstd = std::ranges::any_of(
      blobs, [](const records::Blob* blob) { return blob->compression == codec::Compression::kZstd; });
  const bool docker = original != nullptr && is_docker_type(original->media_type) && !zstd;
  oci::Manifest made;
  made.media_type = docker ? oci::media_type::kDockerManifest : oci::media_type::kOciManifest;
  made.config.media_type = docker ? oci::media_type::kDockerConfig : oci::media_type::kOciConfig;
  made.config.digest = image.id;
  made.config.size = image.config_bytes.size();
  for (const records::Blob* blob : blobs) {
    oci::Descriptor& layer = made.layers.emplace_back(blob->descriptor);
    layer.media_type = layer_type(docker, blob->compression);
  }
  records::StoredManifest manifest;
  manifest.media_type = made.media_type;
  manifest.bytes = made.to_json();
  return manifest;
}

}  // namespace strata::images
