// Load: tables of contents -> the layers that are not here, all at once -> verified -> committed
// bottom first -> all images recorded in one transaction.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include "base/strings.h"
#include "images/archive.h"
#include "images/archive_contents.h"
#include "images/archive_index.h"
#include "images/images.h"
#include "store/database.h"
#include "store/lease.h"
#include "store/reference.h"
#include "sys/event_loop.h"

namespace strata::images {
namespace {

constexpr std::size_t kLayersAtOnce = 4;

struct LayerWork {
  LayerSource source;
  std::optional<layers::Unpacked> unpacked;
};

}  // namespace

class Load {
 public:
  Load(Images& images, const LoadOptions& options, ArchiveTarget& target, ArchiveFiles& files,
       std::vector<oci::Digest>& committed)
      : images_(images),
        store_(images.store()),
        layers_(images.layers()),
        options_(options),
        target_(target),
        files_(files),
        committed_(committed) {}

  Result<std::vector<Loaded>> run();

 private:
  Result<bool> is_here(const ArchivedImage& image);
  Result<> plan();
  Result<> unpack_layers();
  Result<> unpack_layer(const oci::Digest& diff_id, LayerWork& work);
  Result<> commit_layer(const ArchivedImage& image, std::size_t index, const std::optional<oci::Digest>& parent);
  Result<> commit_layers();
  Result<std::vector<Loaded>> record();

  Images& images_;
  store::Store& store_;
  layers::Layers& layers_;
  const LoadOptions& options_;
  ArchiveTarget& target_;
  ArchiveFiles& files_;
  std::vector<ArchivedImage> archived_;
  std::map<oci::Digest, LayerWork> work_;  // by diff ID
  std::vector<oci::Digest>& committed_;    // chains that were not here before
};

Result<bool> Load::is_here(const ArchivedImage& image) {
  if (!TRY(records::is_visible(store_.db(), image.id))) return false;
  for (const oci::Digest& chain : image.chain_ids)
    if (!TRY(layers_.find(chain))) return false;
  return true;
}

Result<> Load::plan() {
  {
    // Held first, looked up then: what is found stays.
    store::Transaction change = TRY(store_.db().begin());
    for (const ArchivedImage& image : archived_)
      for (const oci::Digest& chain : image.chain_ids) TRY(target_.lease.hold(store::kLayer, chain.to_string()));
    TRY(change.commit());
  }
  for (const ArchivedImage& image : archived_) {
    if (TRY(is_here(image))) continue;
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      const oci::Digest& diff_id = image.config.diff_ids[i];
      if (TRY(layers_.find(image.chain_ids[i])) || TRY(layers_.has_tar(diff_id))) continue;
      work_.try_emplace(diff_id, LayerWork{image.layers[i], {}});
    }
  }
  return {};
}

Result<> Load::unpack_layer(const oci::Digest& diff_id, LayerWork& work) {
  layers::Unpacked unpacked = TRY(files_.unpack(work.source.member));
  const auto& blob = work.source.blob;
  const auto promised = blob ? blob->digest : promised_digest(work.source.member).value_or(unpacked.blob_digest);
  if (unpacked.blob_digest != promised || (blob && unpacked.blob_size != blob->size))
    return error(ErrorKind::kCorrupt, "layer {}: the archive has other bytes under this digest", promised.to_string());
  if (unpacked.diff_id != diff_id)
    return error(ErrorKind::kCorrupt, "layer {}: its tar has digest {}, the image config promises {}",
                 short_member(work.source.member), unpacked.diff_id.to_string(), diff_id.to_string());
  work.unpacked = std::move(unpacked);
  return {};
}

Result<> Load::unpack_layers() {
  std::vector<std::pair<const oci::Digest, LayerWork>*> wanted;
  for (auto& work : work_) wanted.push_back(&work);
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::optional<Error> failure;
  const auto unpack = [&] {
    for (std::size_t i = next++; i < wanted.size(); i = next++) {
      {
        const std::scoped_lock lock(mutex);
        if (failure) return;
      }
      Result<> unpacked = unpack_layer(wanted[i]->first, wanted[i]->second);
      const std::scoped_lock lock(mutex);
      if (!unpacked && !failure) failure = std::move(unpacked).take_error();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(wanted.size(), kLayersAtOnce); ++i) threads.emplace_back(unpack);
  }
  if (failure) return *std::move(failure);
  return {};
}

Result<> Load::commit_layer(const ArchivedImage& image, std::size_t index, const std::optional<oci::Digest>& parent) {
  const oci::Digest& diff_id = image.config.diff_ids[index];
  LayerWork& work = work_.try_emplace(diff_id, LayerWork{image.layers[index], {}}).first->second;
  if (!work.unpacked || TRY(layers_.has_tar(diff_id))) {
    const auto reused = layers_.reuse(target_.lease, diff_id, parent);
    if (reused) return {};
    if (reused.error().kind() != ErrorKind::kNotFound && reused.error().kind() != ErrorKind::kConflict)
      return reused.error();
    // Its tar went with another image while we were looking.
    TRY(unpack_layer(diff_id, work));
  }
  TRY(layers_.commit(target_.lease, *work.unpacked, parent));
  return {};
}

Result<> Load::commit_layers() {
  for (const ArchivedImage& image : archived_) {
    std::optional<oci::Digest> parent;
    for (std::size_t i = 0; i < image.layers.size(); parent = image.chain_ids[i++]) {
      if (TRY(layers_.find(image.chain_ids[i]))) continue;
      committed_.push_back(image.chain_ids[i]);
      TRY(commit_layer(image, i, parent), "{}: layer {}", image.what, image.config.diff_ids[i].to_string());
    }
  }
  return {};
}

Result<std::vector<Loaded>> Load::record() {
  std::vector<Loaded> all;
  std::map<oci::Digest, std::uint64_t> sizes;  // looked up before: nothing else is locked inside
  for (const ArchivedImage& image : archived_) sizes[image.id] = TRY(images_.size_of(image.chain_ids));
  store::Database& db = store_.db();
  store::Transaction change = TRY(db.begin());
  for (const ArchivedImage& image : archived_) {
    Loaded& loaded = all.emplace_back();
    loaded.id = image.id;
    loaded.tags = image.tags;
    TRY(records::insert(store_, image.id, image.config_bytes, parse_rfc3339(image.config.created).value_or(Timestamp()),
                        sizes[image.id], image.chain_ids));
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      const auto work = work_.find(image.config.diff_ids[i]);
      if (work == work_.end() || !work->second.unpacked || !work->second.source.blob) continue;
      if (!is_plain_layer(*work->second.source.blob))
        TRY(records::keep_blob(db, work->first, {*work->second.source.blob, work->second.unpacked->compression}));
    }
    for (const oci::Reference& tag : image.tags) {
      const auto before = TRY(records::image_of_tag(db, tag));
      if (before && *before != image.id) loaded.replaced.push_back({tag, *before});
      if (before != image.id) TRY(records::set_tag(db, tag, image.id));
    }
    for (const records::StoredManifest& manifest : image.manifests) TRY(records::keep_manifest(db, image.id, manifest));
    for (const oci::Reference& name : image.repo_digests) TRY(records::set_repo_digest(db, name, image.id));
  }
  TRY(change.commit());
  return all;
}

Result<std::vector<Loaded>> Load::run() {
  archived_ = TRY(read_contents(files_, options_.platform));
  TRY(plan());
  TRY(unpack_layers());
  TRY(commit_layers());
  return record();
}

Result<std::vector<Loaded>> load(Images& images, int input, const LoadOptions& options, LoadProgress& progress) {
  // A worker that gives up closes its end of a pipe.
  const sys::NoPipeSignal no_pipe_signal;
  std::vector<oci::Digest> committed;
  Result<std::vector<Loaded>> loaded;
  {
    store::Lease lease = TRY(store::Lease::create(images.store()));
    ArchiveTarget target{images.store(), images.layers(), lease, {.max_tar_size = options.max_layer_size}, progress};
    const auto files = TRY(open_archive(input, target));
    loaded = Load(images, options, target, *files, committed).run();
  }
  // Nothing stays of images that are not there in the end.
  if (!loaded) (void)images.drop_layers(committed);
  return loaded;
}

}  // namespace strata::images
