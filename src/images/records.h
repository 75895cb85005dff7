// The tables of this folder and the queries on them. Inside images/ only.
//
// Repositories are stored in their canonical form ("docker.io/library/nginx"), digests as
// "sha256:…".
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/compression.h"
#include "images/image.h"
#include "oci/descriptor.h"
#include "oci/reference.h"
#include "store/store.h"

namespace strata::images::records {

const store::Schema& schema();

// ---- names

Result<std::optional<oci::Digest>> image_of_tag(store::Database& db, const oci::Reference& tagged);
Result<std::optional<oci::Digest>> image_of_repo_digest(store::Database& db, const oci::Reference& digested);
// Ids of visible images that begin with these hexadecimal digits; at most `limit`.
Result<std::vector<oci::Digest>> images_with_prefix(store::Database& db, std::string_view hex, int limit);
Result<> set_tag(store::Database& db, const oci::Reference& tagged, const oci::Digest& image);
Result<> set_repo_digest(store::Database& db, const oci::Reference& digested, const oci::Digest& image);
// Removes a name, tag or digest. False when it was not there.
Result<bool> remove_name(store::Database& db, const oci::Reference& name);
// Tags first, then digests, each sorted by repository.
Result<std::vector<oci::Reference>> names_of(store::Database& db, const oci::Digest& image);
Result<std::vector<oci::Reference>> tags_in(store::Database& db, const oci::Reference& repository);

// ---- images

Result<std::optional<Image>> load(store::Database& db, const oci::Digest& id);
Result<std::vector<ImageSummary>> list(store::Database& db);
Result<bool> is_visible(store::Database& db, const oci::Digest& id);
// Adds the image (or shows it again when it was hidden) and its references to layers. True when it
// is new.
Result<bool> insert(store::Store& store, const oci::Digest& id, std::string_view config_bytes, Timestamp created,
                    std::uint64_t size, std::span<const oci::Digest> chain_ids);
// The image's list of layers and its references to them.
Result<> put_layers(store::Store& store, const oci::Digest& id, const oci::ImageConfig& config,
                    std::span<const oci::Digest> chain_ids);
// As which it holds them.
std::string holder(const oci::Digest& id);
Result<> hide(store::Database& db, const oci::Digest& id);
Result<std::vector<oci::Digest>> hidden(store::Database& db);
// The image, its names, manifests and references. Layers stay.
Result<> erase(store::Store& store, const oci::Digest& id);

// ---- manifests and blobs

struct StoredManifest {
  oci::Digest digest;
  std::string media_type;
  std::string bytes;
};
Result<> keep_manifest(store::Database& db, const oci::Digest& image, const StoredManifest& manifest);
// Manifests of the image (not indexes), newest first.
Result<std::vector<StoredManifest>> manifests_of(store::Database& db, const oci::Digest& image);
// Manifests and indexes, sorted by digest.
Result<std::vector<StoredManifest>> documents_of(store::Database& db, const oci::Digest& image);

struct Blob {
  oci::Descriptor descriptor;  // media type, digest, size
  codec::Compression compression = codec::Compression::kNone;
};
// Whoever calls this has verified that the blob is the layer's tar.
Result<> keep_blob(store::Database& db, const oci::Digest& diff_id, const Blob& blob);
// The repository has the blob. Without effect unless the blob is known to be that layer.
Result<> keep_source(store::Database& db, const oci::Digest& diff_id, const oci::Digest& blob,
                     const oci::Reference& seen_in);
// What a layer's tar was seen as, newest first.
Result<std::vector<Blob>> blobs_of(store::Database& db, const oci::Digest& diff_id);
// The layer that a blob is, if that is known.
Result<std::optional<oci::Digest>> layer_of_blob(store::Database& db, const oci::Digest& blob);
Result<std::vector<oci::Reference>> sources_of(store::Database& db, const oci::Digest& blob);
// Forgets blobs of layers that no image has.
Result<> forget_unused_blobs(store::Database& db);

}  // namespace strata::images::records
