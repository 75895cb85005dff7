#include "images/restore.h"

#include "images/layer_download.h"
#include "images/records.h"
#include "layers/layers.h"
#include "oci/manifest.h"
#include "store/lease.h"
#include "store/reference.h"

namespace strata::images {
namespace {

class Restore {
 public:
  Restore(Images& images, const Image& image, const ClientSource& client, const RestoreOptions& options)
      : images_(images),
        store_(images.store()),
        layers_(images.layers()),
        image_(image),
        client_(client),
        options_(options) {}

  Result<> run();

 private:
  struct Origin {
    records::Blob blob;
    oci::Reference source;
  };
  Result<std::vector<Origin>> origins(std::size_t position);
  Result<> bring_back(store::Lease& lease, std::size_t position);
  Result<bool> fetch(store::Lease& lease, std::size_t position, const records::Blob& blob, const oci::Reference& from);
  std::optional<oci::Digest> parent(std::size_t position) const {
    return position == 0 ? std::nullopt : std::optional(image_.chain_ids[position - 1]);
  }

  Images& images_;
  store::Store& store_;
  layers::Layers& layers_;
  const Image& image_;
  const ClientSource& client_;
  const RestoreOptions& options_;
  std::string name_;
};

Result<> Restore::run() {
  if (TRY(layers_.missing(image_.chain_ids)).empty()) return {};
  name_ = TRY(images_.familiar_names(image_.id)).front();
  store::Lease lease = TRY(store::Lease::create(store_));
  for (const oci::Digest& chain : image_.chain_ids) TRY(lease.hold(store::kLayer, chain.to_string()));
  Result<> outcome;
  for (std::size_t i = 0; i < image_.chain_ids.size(); ++i) {
    if (TRY(layers_.find(image_.chain_ids[i]))) continue;
    Result<> back = bring_back(lease, i);
    if (!back && (!options_.go_on || back.error().kind() != ErrorKind::kCorrupt)) return back;
    if (!back && outcome) outcome = std::move(back);
  }
  return outcome;
}

Result<> Restore::bring_back(store::Lease& lease, std::size_t position) {
  const oci::Digest& diff_id = image_.config.diff_ids.at(position);
  // The same tar may be here under another chain.
  if (layers_.reuse(lease, diff_id, parent(position))) return {};
  std::string reason = "it was made here: build it again, or remove the image";
  for (const auto& [blob, source] : TRY(origins(position))) {
    if (options_.note)
      options_.note(fmt::format("Layer {} of {} is lost or damaged: fetching it again from {}", diff_id.short_hex(),
                                name_, source.familiar_name()));
    const Result<bool> fetched = fetch(lease, position, blob, source);
    if (fetched) return {};
    if (fetched.error().kind() == ErrorKind::kCancelled || fetched.error().kind() == ErrorKind::kResourceExhausted)
      return fetched.error();
    reason = fetched.error().message();
  }
  return error(ErrorKind::kCorrupt, "image {}: its layer {} is lost or damaged and cannot be fetched again: {}", name_,
               diff_id.to_string(), reason);
}

// First what the layer was seen as; then what the image's manifests say, for an image that was pulled when its
// layers were here already: the word of a manifest is enough to ask, because what comes is verified.
Result<std::vector<Restore::Origin>> Restore::origins(std::size_t position) {
  std::vector<Origin> origins;
  for (const records::Blob& blob : TRY(records::blobs_of(store_.db(), image_.config.diff_ids[position])))
    for (oci::Reference& source : TRY(records::sources_of(store_.db(), blob.descriptor.digest)))
      origins.push_back({blob, std::move(source)});
  const std::vector<oci::Reference> names = TRY(records::names_of(store_.db(), image_.id));
  for (const records::StoredManifest& stored : TRY(records::manifests_of(store_.db(), image_.id))) {
    const auto document = oci::parse_manifest(stored.bytes, stored.media_type);
    const oci::Manifest* manifest = document ? std::get_if<oci::Manifest>(&*document) : nullptr;
    if (manifest == nullptr || position >= manifest->layers.size()) continue;
    for (const oci::Reference& name : names)
      if (name.digest) origins.push_back({{.descriptor = manifest->layers[position]}, name});
  }
  return origins;
}

Result<bool> Restore::fetch(store::Lease& lease, std::size_t position, const records::Blob& blob,
                            const oci::Reference& from) {
  const oci::Digest& chain = image_.chain_ids[position];
  LayerDownload download(store_, layers_, *TRY(client_()),
                         {.from = from,
                          .blob = blob.descriptor,
                          .diff_id = image_.config.diff_ids[position],
                          .limits = {.max_tar_size = options_.max_layer_size},
                          .is_here = [&]() -> Result<bool> { return TRY(layers_.find(chain)).has_value(); }});
  const auto unpacked = TRY(download.run(lease));
  if (unpacked) TRY(layers_.commit(lease, *unpacked, parent(position)));
  download.done();
  return true;
}

}  // namespace

Result<> restore(Images& images, const Image& image, const ClientSource& client, const RestoreOptions& options) {
  return Restore(images, image, client, options).run();
}

}  // namespace strata::images
