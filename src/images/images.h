// The images of a store: records, names, pull and push.
//
// - An image is recorded in one transaction after all its layers are committed; it references them
// in the
//   store (store/reference.h) as "image/<id>", so that no garbage collection takes them.
// - A tag names one image; a repository@digest names one image. An image may have any number of
// both.
// - The bytes of manifests and indexes are kept as they came, and for each layer which blobs
// (digest, size,
//   media type) it came as and in which repositories these were seen; a push needs that.
// - An image that was removed while a stopped container needs it loses its names and is hidden:
// only get()
//   finds it. It goes when no container needs it any more (collect_garbage).
// - What a killed process leaves is layers that nobody references: the next pull uses them, the
// next
//   remove() or collect_garbage() deletes them.
//
// Thread-safe; several processes may use one store. Every function that changes something expects
// that store::sweep_dead_leases() was called when the command began.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/compression.h"
#include "images/check.h"
#include "images/image.h"
#include "images/progress.h"
#include "images/prune_filter.h"
#include "oci/descriptor.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace strata::layers {
class Layers;
}
namespace strata::registry {
class Client;
}
namespace strata::store {
class Lease;
class Store;
struct Schema;
}  // namespace strata::store

namespace strata::images {

// A container that was made from an image.
struct ImageUse {
  std::string container_id;
  oci::Digest image_id;
  bool running = false;
};
// Read inside the transaction that removes an image; no I/O but the store's.
using ImageUses = std::function<Result<std::vector<ImageUse>>()>;

struct PullOptions {
  std::optional<oci::Platform> platform;  // nullopt: the host's, and a single manifest for another one is taken
  std::uint64_t max_layer_size = std::uint64_t{64} << 30;  // of the uncompressed tar, bytes
  // Keeps what was pulled from every prune, as long as it lives; nullptr: until pull() returns.
  store::Lease* lease = nullptr;
};
struct Pulled {
  Image image;
  oci::Digest digest;    // of the manifest or index that the reference names
  bool changed = false;  // something was downloaded, or the tag named another image before
};

struct PushOptions {
  bool squash = false;  // as an image with one layer (squash.h)
  // Layers go as blobs of this kind, and are compressed again where none is to be had. nullopt: as they came;
  // what was made here as gzip. With a level all are compressed anew.
  std::optional<codec::Compression> compression;
  std::optional<int> level;
};
struct Pushed {
  oci::Digest digest;  // of the manifest
  std::uint64_t size = 0;
};

// One line of `rmi`: "Untagged: nginx:latest" or "Deleted: sha256:…".
struct Removal {
  bool deleted = false;
  std::string name;
};

struct Pruned {
  std::vector<Removal> removals;
  std::uint64_t reclaimed = 0;  // bytes on disk
};

class Images {
 public:
  Images(store::Store& store, layers::Layers& layers) : store_(store), layers_(layers) {}
  static const store::Schema& schema();

  // By reference (tag "latest" if it has none), name@digest, "sha256:…", or a prefix of an ID.
  // Errors: kNotFound "No such image: x:latest"; kConflict when a prefix is ambiguous.
  Result<Image> find(std::string_view name_or_id);
  // By ID alone, hidden ones too.
  Result<Image> get(const oci::Digest& id);
  // Newest first.
  Result<std::vector<ImageSummary>> list();

  // Errors: kInvalidArgument for a target with a digest.
  Result<> tag(const oci::Digest& id, const oci::Reference& target);

  // Records an image made here (build, commit, load). Its layers must be committed and held by the
  // caller's lease until this returns. An image that is there already only gets the tag.
  Result<Image> add(std::string_view config_bytes, const std::optional<oci::Reference>& tag);

  // Docker's `rmi NAME`: takes a name away, and the image with its last one; by ID the image
  // itself. Deletes the layers that nobody references then. Errors: kNotFound; kConflict in
  // docker's words when containers or other names are in the way.
  Result<std::vector<Removal>> remove(std::string_view name_or_id, bool force, const ImageUses& uses);
  // First hold, then look: find() or get() afterwards, and no prune takes the image while the lease lives.
  static Result<> hold(store::Lease& lease, const oci::Digest& id);
  // Removes every image without a tag that no container uses (with `all`: every image that no
  // container uses) and that matches the filter, and forgets what is not referenced (hidden images, blobs, layers).
  Result<Pruned> prune(bool all, const ImageUses& uses, const PruneFilter& filter = {});
  // What prune() does besides: hidden images that no container needs, blobs and layers that nobody
  // references. For whoever drops such references (rm of a container whose image is gone, prune of
  // the build cache).
  Result<Pruned> collect_garbage(const ImageUses& uses);

  // Errors: those of registry::Client, and kCorrupt "layer sha256:…: …" when bytes are not what the
  // manifest or the config promises. After an error no image is recorded.
  Result<Pulled> pull(registry::Client& client, const oci::Reference& reference, const PullOptions& options,
                      PullProgress& progress);
  // The image that `reference` names, to where it names. Errors: kNotFound "An image does not exist
  // locally with the tag: x".
  Result<Pushed> push(registry::Client& client, const oci::Reference& reference, const PushOptions& options,
                      PushProgress& progress);
  // Tags of a repository (the reference's own tag is ignored), for push --all-tags. Sorted.
  Result<std::vector<oci::Reference>> tags_of(const oci::Reference& repository);

  // fsck: the records against themselves and each other; files are Layers::check()'s. No I/O but the
  // store's; `found` must not call back.
  Result<> check(const std::function<void(ImageDefect)>& found);
  // False when only fetching it again can help.
  Result<bool> mend(const ImageDefect& defect);
  // By chain ID the images that have the layer, hidden ones too.
  Result<std::map<oci::Digest, std::vector<oci::Digest>>> users_of_layers();
  // How to call the image in a sentence: its tags, else its digests, else the first digits of its ID.
  Result<std::vector<std::string>> familiar_names(const oci::Digest& id);

  // Forgets those of the layers that nobody references or holds; returns them.
  Result<std::vector<oci::Digest>> drop_layers(std::span<const oci::Digest> chain_ids);

  store::Store& store() { return store_; }
  layers::Layers& layers() { return layers_; }

 private:
  friend class Pull;
  friend class Load;
  Result<oci::Digest> find_id(std::string_view name_or_id);
  // Sum of the layers' tars. Errors: kNotFound when one is not committed.
  Result<std::uint64_t> size_of(std::span<const oci::Digest> chain_ids);

  store::Store& store_;
  layers::Layers& layers_;
};

// The image's layers in the order and with the texts of `docker history`: newest first.
struct HistoryLine {
  oci::Digest image;    // of the newest line only
  std::string created;  // RFC 3339, or empty
  std::string created_by;
  std::string comment;
  std::uint64_t size = 0;  // of the layer's tar; 0 for an empty layer
};
Result<std::vector<HistoryLine>> history(Images& images, const Image& image);

// Docker's inspect object as JSON text, keys in docker's order.
Result<std::string> inspect_json(const Image& image);

}  // namespace strata::images
