// Load: tables of contents -> manifests and configs -> the layers that are not here, all at once ->
// verified -> committed bottom first -> all images recorded in one transaction.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <thread>

#include "base/strings.h"
#include "images/archive.h"
#include "images/archive_index.h"
#include "images/images.h"
#include "images/records.h"
#include "oci/chain_id.h"
#include "oci/manifest.h"
#include "store/database.h"
#include "store/lease.h"
#include "store/reference.h"
#include "sys/event_loop.h"

namespace strata::images {
namespace {

constexpr std::size_t kLayersAtOnce = 4;

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
  std::vector<LayerSource> layers;  // bottom first
  std::vector<oci::Reference> tags;
  std::vector<oci::Reference> repo_digests;
  std::vector<records::StoredManifest> manifests;
};

struct LayerWork {
  LayerSource source;
  std::optional<layers::Unpacked> unpacked;
};

bool is_plain_layer(const oci::Descriptor& layer) {
  return layer.media_type == oci::media_type::kOciLayer ||
         layer.media_type == oci::media_type::kDockerLayer;
}

// A manifest of plain tars was made up for an archive: no registry has it.
bool is_made_for_archive(const oci::Manifest& manifest) {
  return std::ranges::all_of(manifest.layers, is_plain_layer);
}

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
  Result<> read_tables();
  Result<> read_layout();
  Result<> read_docker_manifest();
  Result<std::string> read_blob(const oci::Descriptor& descriptor, std::size_t limit);
  Result<oci::Descriptor> choose(const oci::Index& index);
  Result<> read_image(const LayoutImage& entry);
  Result<> read_kept_manifests(const LayoutImage& entry, ArchivedImage& image);
  Result<> take_config(ArchivedImage& image);
  void keep(ArchivedImage image);
  Result<bool> is_here(const ArchivedImage& image);
  Result<> plan();
  Result<> unpack_layers();
  Result<> unpack_layer(const oci::Digest& diff_id, LayerWork& work);
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

// A document that its descriptor names: as long and of the digest that it says.
Result<std::string> Load::read_blob(const oci::Descriptor& descriptor, std::size_t limit) {
  std::string bytes = TRY(files_.read(blob_member(descriptor.digest), limit));
  if (oci::Digest::of(bytes) != descriptor.digest || bytes.size() != descriptor.size)
    return error(ErrorKind::kCorrupt, "{}: the archive has other bytes under this digest",
                 descriptor.digest.to_string());
  return bytes;
}

// Archives often hold one platform of many that the index names.
Result<oci::Descriptor> Load::choose(const oci::Index& index) {
  oci::Index present;
  for (const oci::Descriptor& manifest : index.manifests)
    if (files_.has(blob_member(manifest.digest))) present.manifests.push_back(manifest);
  return oci::choose_manifest(present, options_.platform.value_or(oci::host_platform()));
}

Result<> Load::take_config(ArchivedImage& image) {
  image.config = TRY(oci::ImageConfig::parse(image.config_bytes), "{}: image config", image.what);
  const auto& diff_ids = image.config.diff_ids;
  if (diff_ids.size() != image.layers.size())
    return error(ErrorKind::kCorrupt, "{}: the image config names {} layers, the manifest {}",
                 image.what, diff_ids.size(), image.layers.size());
  if (!image.config.os.empty() && image.config.os != "linux")
    return error(ErrorKind::kUnsupported,
                 "{}: image operating system \"{}\" cannot be used on this platform", image.what,
                 printable(image.config.os));
  if (options_.platform) {
    const oci::Platform have{image.config.os, image.config.architecture, image.config.variant, {}};
    if (!oci::matches(*options_.platform, have))
      return error(ErrorKind::kNotFound, "{}: wanted {}, the archive has {}", image.what,
                   options_.platform->to_string(), have.to_string());
  }
  image.id = oci::Digest::of(image.config_bytes);
  image.chain_ids = oci::chain_ids(diff_ids);
  return {};
}

// One image stands in the table once for each of its names.
void Load::keep(ArchivedImage image) {
  const auto known = std::ranges::find(archived_, image.id, &ArchivedImage::id);
  if (known == archived_.end()) {
    archived_.push_back(std::move(image));
    return;
  }
  const auto append = [](auto& to, auto& from, auto same) {
    for (auto& item : from)
      if (std::ranges::none_of(to, [&](const auto& have) { return same(have, item); }))
        to.push_back(std::move(item));
  };
  append(known->tags, image.tags, std::equal_to<>());
  append(known->repo_digests, image.repo_digests, std::equal_to<>());
  append(known->manifests, image.manifests,
         [](const auto& a, const auto& b) { return a.digest == b.digest; });
}

// What the image was pulled under. The names count when the documents prove them: name@digest is
// this image if the digest is of its manifest, or of an index that lists it.
Result<> Load::read_kept_manifests(const LayoutImage& entry, ArchivedImage& image) {
  std::set<oci::Digest> proven;
  std::vector<std::pair<records::StoredManifest, oci::Index>> indexes;
  for (const oci::Digest& digest : entry.kept_manifests) {
    if (!files_.has(blob_member(digest))) continue;
    records::StoredManifest document;
    document.digest = digest;
    document.bytes = TRY(files_.read(blob_member(digest), oci::kMaxManifestSize));
    if (oci::Digest::of(document.bytes) != digest)
      return error(ErrorKind::kCorrupt, "{}: the archive has other bytes under this digest",
                   digest.to_string());
    auto parsed = TRY(oci::parse_manifest(document.bytes), "{}", digest.to_string());
    if (auto* index = std::get_if<oci::Index>(&parsed)) {
      document.media_type = index->media_type;
      indexes.emplace_back(std::move(document), std::move(*index));
    } else if (const auto& manifest = std::get<oci::Manifest>(parsed);
               manifest.config.digest == image.id &&
               manifest.layers.size() == image.layers.size()) {
      document.media_type = manifest.media_type;
      proven.insert(digest);
      image.manifests.push_back(std::move(document));
    }
  }
  for (auto& [document, index] : indexes)
    if (std::ranges::any_of(index.manifests, [&](const oci::Descriptor& manifest) {
          return proven.contains(manifest.digest);
        })) {
      image.manifests.push_back(std::move(document));
      proven.insert(image.manifests.back().digest);
    }
  for (const oci::Reference& name : entry.repo_digests)
    if (proven.contains(*name.digest)) image.repo_digests.push_back(name);
  return {};
}

Result<> Load::read_image(const LayoutImage& entry) {
  ArchivedImage image;
  image.what = entry.name ? entry.name->familiar() : entry.descriptor.digest.to_string();
  oci::Descriptor at = entry.descriptor;
  std::string bytes = TRY(read_blob(at, oci::kMaxManifestSize), "{}", image.what);
  auto parsed = TRY(oci::parse_manifest(bytes, at.media_type), "{}", image.what);
  if (const auto* index = std::get_if<oci::Index>(&parsed)) {
    at = TRY(choose(*index), "{}", image.what);
    bytes = TRY(read_blob(at, oci::kMaxManifestSize), "{}", image.what);
    parsed = TRY(oci::parse_manifest(bytes, at.media_type), "{}", image.what);
  }
  const auto* manifest = std::get_if<oci::Manifest>(&parsed);
  if (manifest == nullptr)
    return error(ErrorKind::kUnsupported, "{} is an index of indexes", image.what);
  for (const oci::Descriptor& layer : manifest->layers) {
    if (!oci::is_layer_type(layer.media_type))
      return error(ErrorKind::kUnsupported, "{} is no container image: it has a layer of type {}",
                   image.what, layer.media_type.empty() ? "(none)" : printable(layer.media_type));
    image.layers.push_back({blob_member(layer.digest), layer});
  }
  image.config_bytes =
      TRY(read_blob(manifest->config, oci::kMaxImageConfigSize), "{}: image config", image.what);
  TRY(take_config(image));
  if (entry.name) image.tags.push_back(*entry.name);
  TRY(read_kept_manifests(entry, image), "{}", image.what);
  if (!is_made_for_archive(*manifest))
    image.manifests.push_back({at.digest, manifest->media_type, std::move(bytes)});
  keep(std::move(image));
  return {};
}

Result<> Load::read_layout() {
  TRY(check_oci_layout(TRY(files_.read("oci-layout", kMaxArchiveIndex))));
  const std::string bytes = TRY(files_.read("index.json", kMaxArchiveIndex));
  for (const LayoutImage& entry : TRY(parse_layout_index(bytes))) TRY(read_image(entry));
  return {};
}

Result<> Load::read_docker_manifest() {
  const std::string bytes = TRY(files_.read("manifest.json", kMaxArchiveIndex));
  for (DockerImage& item : TRY(parse_docker_manifest(bytes))) {
    ArchivedImage image;
    image.what = item.tags.empty() ? printable(item.config) : item.tags.front().familiar();
    image.config_bytes = TRY(files_.read(item.config, oci::kMaxImageConfigSize), "{}", image.what);
    if (const auto promised = promised_digest(item.config);
        promised && oci::Digest::of(image.config_bytes) != *promised)
      return error(ErrorKind::kCorrupt, "{}: the image config {} has another digest, {}",
                   image.what, promised->to_string(),
                   oci::Digest::of(image.config_bytes).to_string());
    for (std::string& layer : item.layers) image.layers.push_back({std::move(layer), {}});
    image.tags = std::move(item.tags);
    TRY(take_config(image));
    keep(std::move(image));
  }
  return {};
}

// An archive that is both says the same in both tables, and more in the layout's.
Result<> Load::read_tables() {
  const bool docker = files_.has("manifest.json");
  if (files_.has("index.json") && files_.has("oci-layout")) {
    TRY(read_layout());
    if (!archived_.empty() || !docker) return {};
  }
  if (!docker)
    return error(ErrorKind::kCorrupt,
                 "this is no image archive: it has neither manifest.json nor an OCI layout");
  return read_docker_manifest();
}

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
      for (const oci::Digest& chain : image.chain_ids)
        TRY(target_.lease.hold(store::kLayer, chain.to_string()));
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
  const auto promised =
      blob ? blob->digest : promised_digest(work.source.member).value_or(unpacked.blob_digest);
  if (unpacked.blob_digest != promised || (blob && unpacked.blob_size != blob->size))
    return error(ErrorKind::kCorrupt, "layer {}: the archive has other bytes under this digest",
                 promised.to_string());
  if (unpacked.diff_id != diff_id)
    return error(
        ErrorKind::kCorrupt, "layer {}: its tar has digest {}, the image config promises {}",
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
    for (std::size_t i = 0; i < std::min(wanted.size(), kLayersAtOnce); ++i)
      threads.emplace_back(unpack);
  }
  if (failure) return *std::move(failure);
  return {};
}

Result<> Load::commit_layers() {
  for (const ArchivedImage& image : archived_) {
    std::optional<oci::Digest> parent;
    for (std::size_t i = 0; i < image.layers.size(); parent = image.chain_ids[i++]) {
      if (TRY(layers_.find(image.chain_ids[i]))) continue;
      committed_.push_back(image.chain_ids[i]);
      const oci::Digest& diff_id = image.config.diff_ids[i];
      if (TRY(layers_.has_tar(diff_id))) {
        TRY(layers_.reuse(target_.lease, diff_id, parent), "{}: layer {}", image.what,
            diff_id.to_string());
        continue;
      }
      const auto work = work_.find(diff_id);
      if (work == work_.end() || !work->second.unpacked)
        return error(ErrorKind::kConflict, "layer {} was removed meanwhile; load the archive again",
                     diff_id.to_string());
      TRY(layers_.commit(target_.lease, *work->second.unpacked, parent), "{}: layer {}", image.what,
          diff_id.to_string());
    }
  }
  return {};
}

Result<std::vector<Loaded>> Load::record() {
  std::vector<Loaded> all;
  store::Database& db = store_.db();
  store::Transaction change = TRY(db.begin());
  for (const ArchivedImage& image : archived_) {
    Loaded& loaded = all.emplace_back();
    loaded.id = image.id;
    loaded.tags = image.tags;
    const std::uint64_t size = TRY(images_.size_of(image.chain_ids));
    TRY(records::insert(store_, image.id, image.config_bytes,
                        parse_rfc3339(image.config.created).value_or(Timestamp()), size,
                        image.chain_ids));
    for (std::size_t i = 0; i < image.layers.size(); ++i) {
      const auto work = work_.find(image.config.diff_ids[i]);
      if (work == work_.end() || !work->second.unpacked || !work->second.source.blob) continue;
      if (!is_plain_layer(*work->second.source.blob))
        TRY(records::keep_blob(db, work->first,
                               {*work->second.source.blob, work->second.unpacked->compression}));
    }
    for (const oci::Reference& tag : image.tags) {
      const auto before = TRY(records::image_of_tag(db, tag));
      if (before && *before != image.id) loaded.replaced.push_back({tag, *before});
      if (before != image.id) TRY(records::set_tag(db, tag, image.id));
    }
    for (const records::StoredManifest& manifest : image.manifests)
      TRY(records::keep_manifest(db, image.id, manifest));
    for (const oci::Reference& name : image.repo_digests)
      TRY(records::set_repo_digest(db, name, image.id));
  }
  TRY(change.commit());
  return all;
}

Result<std::vector<Loaded>> Load::run() {
  TRY(read_tables());
  TRY(plan());
  TRY(unpack_layers());
  TRY(commit_layers());
  return record();
}

Result<std::vector<Loaded>> load(Images& images, int input, const LoadOptions& options,
                                 LoadProgress& progress) {
  // A worker that gives up closes its end of a pipe.
  const sys::NoPipeSignal no_pipe_signal;
  std::vector<oci::Digest> committed;
  Result<std::vector<Loaded>> loaded;
  {
    store::Lease lease = TRY(store::Lease::create(images.store()));
    ArchiveTarget target{
        images.store(), images.layers(), lease, {.max_tar_size = options.max_layer_size}, progress};
    const auto files = TRY(open_archive(input, target));
    loaded = Load(images, options, target, *files, committed).run();
  }
  // Nothing stays of images that are not there in the end.
  if (!loaded) (void)images.drop_layers(committed);
  return loaded;
}

}  // namespace strata::images
