// What an image archive says it holds: its tables of contents read, its manifests and configs
// verified. No layer is touched.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "images/archive_files.h"
#include "images/records.h"
#include "oci/descriptor.h"
#include "oci/image_config.h"
#include "oci/platform.h"

namespace strata::images {

// Where the archive has a layer, and what it calls it.
struct LayerSource {
  std::string member;
  std::optional<oci::Descriptor> blob;  // from a manifest
};

struct ArchivedImage {
  std::string what;  // for errors
  oci::Digest id;
  std::string config_bytes;
  oci::ImageConfig config;
  std::vector<oci::Digest> chain_ids;
  std::vector<LayerSource> layers;  // bottom first, one for each of config.diff_ids
  std::vector<oci::Reference> tags;
  std::vector<oci::Reference> repo_digests;        // proven by `manifests`
  std::vector<records::StoredManifest> manifests;  // as registries have them
};

// Of all manifests and configs together, in bytes.
inline constexpr std::uint64_t kMaxDocuments = 64 << 20;

// Whether a manifest says that the layer is a tar as it is.
bool is_plain_layer(const oci::Descriptor& layer);

// Each image once, with all its names. Of an index the manifest for `platform` (nullopt: the
// host's). Errors: kCorrupt, kNotFound for what the archive lacks, kUnsupported; all name the
// image.
Result<std::vector<ArchivedImage>> read_contents(ArchiveFiles& files, const std::optional<oci::Platform>& platform);

}  // namespace strata::images
