// The manifest of an image whose layers went as other blobs than those it came with. Pure: the same
// image and blobs give the same bytes.
#pragma once

#include <span>
#include <string_view>

#include "codec/compression.h"
#include "images/image.h"
#include "images/records.h"
#include "oci/manifest.h"

namespace strata::images {

// Whether a manifest's or layer's media type is docker's own and not OCI's.
bool is_docker_type(std::string_view media_type);
// Of a layer in a manifest of either kind. docker's has no zstd: that is OCI's always.
std::string_view layer_type(bool docker, codec::Compression compression);

// `blobs`: one for each layer, bottom first. `original`: what the image came with, or null; of the
// same kind, docker's or OCI's, unless a layer is zstd. The digest is empty: the registry confirms
// it.
records::StoredManifest make_manifest(const Image& image, std::span<const records::Blob* const> blobs,
                                      const oci::Manifest* original);

}  // namespace strata::images
