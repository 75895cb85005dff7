#include "images/archive_contents.h"

#include <algorithm>
#include <functional>
#include <set>

#include "base/strings.h"
#include "images/archive_index.h"
#include "oci/chain_id.h"
#include "oci/manifest.h"

namespace strata::images {
namespace {

// A manifest of plain tars was made up for an archive: no registry has it.
bool is_made_for_archive(const oci::Manifest& manifest) { return std::ranges::all_of(manifest.layers, is_plain_layer); }

class Contents {
 public:
  Contents(ArchiveFiles& files, const std::optional<oci::Platform>& platform) : files_(files), platform_(platform) {}

  Result<> read_tables();
  std::vector<ArchivedImage> take() { return std::move(images_); }

 private:
  Result<> read_layout();
  Result<> read_docker_manifest();
  Result<std::string> read_document(const std::string& name, std::size_t limit);
  Result<std::string> read_blob(const oci::Descriptor& descriptor, std::size_t limit);
  Result<oci::Descriptor> choose(const oci::Index& index);
  Result<> read_image(const LayoutImage& entry);
  Result<> read_kept_manifests(const LayoutImage& entry, ArchivedImage& image);
  Result<> take_config(ArchivedImage& image);
  void keep(ArchivedImage image);

  ArchiveFiles& files_;
  const std::optional<oci::Platform>& platform_;
  std::vector<ArchivedImage> images_;
  std::uint64_t bytes_read_ = 0;
};

// Counts what may have to be kept in memory.
Result<std::string> Contents::read_document(const std::string& name, std::size_t limit) {
  std::string bytes = TRY(files_.read(name, limit));
  bytes_read_ += bytes.size();
  if (bytes_read_ > kMaxDocuments)
    return error(ErrorKind::kResourceExhausted,
                 "the manifests and configs in the archive take more than {} bytes (64 MiB)", kMaxDocuments);
  return bytes;
}

// A document that its descriptor names: as long and of the digest that it says.
Result<std::string> Contents::read_blob(const oci::Descriptor& descriptor, std::size_t limit) {
  std::string bytes = TRY(read_document(blob_member(descriptor.digest), limit));
  if (oci::Digest::of(bytes) != descriptor.digest || bytes.size() != descriptor.size)
    return error(ErrorKind::kCorrupt, "{}: the archive has other bytes under this digest",
                 descriptor.digest.to_string());
  return bytes;
}

// Archives often hold one platform of many that the index names.
Result<oci::Descriptor> Contents::choose(const oci::Index& index) {
  oci::Index present;
  for (const oci::Descriptor& manifest : index.manifests)
    if (files_.has(blob_member(manifest.digest))) present.manifests.push_back(manifest);
  return oci::choose_manifest(present, platform_.value_or(oci::host_platform()));
}

Result<> Contents::take_config(ArchivedImage& image) {
  image.config = TRY(oci::ImageConfig::parse(image.config_bytes), "{}: image config", image.what);
  const auto& diff_ids = image.config.diff_ids;
  if (diff_ids.size() != image.layers.size())
    return error(ErrorKind::kCorrupt, "{}: the image config names {} layers, the manifest {}", image.what,
                 diff_ids.size(), image.layers.size());
  if (!image.config.os.empty() && image.config.os != "linux")
    return error(ErrorKind::kUnsupported, "{}: image operating system \"{}\" cannot be used on this platform",
                 image.what, printable(image.config.os));
  if (platform_) {
    const oci::Platform have{image.config.os, image.config.architecture, image.config.variant, {}};
    if (!oci::matches(*platform_, have))
      return error(ErrorKind::kNotFound, "{}: wanted {}, the archive has {}", image.what, platform_->to_string(),
                   have.to_string());
  }
  image.id = oci::Digest::of(image.config_bytes);
  image.chain_ids = oci::chain_ids(diff_ids);
  return {};
}

// One image stands in the table once for each of its names.
void Contents::keep(ArchivedImage image) {
  const auto known = std::ranges::find(images_, image.id, &ArchivedImage::id);
  if (known == images_.end()) {
    images_.push_back(std::move(image));
    return;
  }
  const auto append = [](auto& to, auto& from, auto same) {
    for (auto& item : from)
      if (std::ranges::none_of(to, [&](const auto& have) { return same(have, item); })) to.push_back(std::move(item));
  };
  append(known->tags, image.tags, std::equal_to<>());
  append(known->repo_digests, image.repo_digests, std::equal_to<>());
  append(known->manifests, image.manifests, [](const auto& a, const auto& b) { return a.digest == b.digest; });
}

// What the image was pulled under. The names count when the documents prove them: name@digest is
// this image if the digest is of its manifest, or of an index that lists it.
Result<> Contents::read_kept_manifests(const LayoutImage& entry, ArchivedImage& image) {
  std::set<oci::Digest> proven;
  std::vector<std::pair<records::StoredManifest, oci::Index>> indexes;
  for (const oci::Digest& digest : std::set<oci::Digest>(entry.kept_manifests.begin(), entry.kept_manifests.end())) {
    if (!files_.has(blob_member(digest))) continue;
    records::StoredManifest document;
    document.digest = digest;
    document.bytes = TRY(read_document(blob_member(digest), oci::kMaxManifestSize));
    if (oci::Digest::of(document.bytes) != digest)
      return error(ErrorKind::kCorrupt, "{}: the archive has other bytes under this digest", digest.to_string());
    auto parsed = TRY(oci::parse_manifest(document.bytes), "{}", digest.to_string());
    if (auto* index = std::get_if<oci::Index>(&parsed)) {
      document.media_type = index->media_type;
      indexes.emplace_back(std::move(document), std::move(*index));
    } else if (const auto& manifest = std::get<oci::Manifest>(parsed);
               manifest.config.digest == image.id && manifest.layers.size() == image.layers.size()) {
      document.media_type = manifest.media_type;
      proven.insert(digest);
      image.manifests.push_back(std::move(document));
    }
  }
  for (auto& [document, index] : indexes)
    if (std::ranges::any_of(index.manifests,
                            [&](const oci::Descriptor& manifest) { return proven.contains(manifest.digest); })) {
      image.manifests.push_back(std::move(document));
      proven.insert(image.manifests.back().digest);
    }
  for (const oci::Reference& name : entry.repo_digests)
    if (proven.contains(*name.digest)) image.repo_digests.push_back(name);
  return {};
}

Result<> Contents::read_image(const LayoutImage& entry) {
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
  if (manifest == nullptr) return error(ErrorKind::kUnsupported, "{} is an index of indexes", image.what);
  for (const oci::Descriptor& layer : manifest->layers) {
    if (!oci::is_layer_type(layer.media_type))
      return error(ErrorKind::kUnsupported, "{} is no container image: it has a layer of type {}", image.what,
                   layer.media_type.empty() ? "(none)" : printable(layer.media_type));
    image.layers.push_back({blob_member(layer.digest), layer});
  }
  image.config_bytes = TRY(read_blob(manifest->config, oci::kMaxImageConfigSize), "{}: image config", image.what);
  TRY(take_config(image));
  if (entry.name) image.tags.push_back(*entry.name);
  TRY(read_kept_manifests(entry, image), "{}", image.what);
  if (!is_made_for_archive(*manifest)) image.manifests.push_back({at.digest, manifest->media_type, std::move(bytes)});
  keep(std::move(image));
  return {};
}

Result<> Contents::read_layout() {
  TRY(check_oci_layout(TRY(files_.read("oci-layout", kMaxArchiveIndex))));
  const std::string bytes = TRY(files_.read("index.json", kMaxArchiveIndex));
  for (const LayoutImage& entry : TRY(parse_layout_index(bytes))) TRY(read_image(entry));
  return {};
}

Result<> Contents::read_docker_manifest() {
  const std::string bytes = TRY(files_.read("manifest.json", kMaxArchiveIndex));
  for (DockerImage& item : TRY(parse_docker_manifest(bytes))) {
    ArchivedImage image;
    image.what = item.tags.empty() ? printable(item.config) : item.tags.front().familiar();
    image.config_bytes = TRY(read_document(item.config, oci::kMaxImageConfigSize), "{}", image.what);
    if (const auto promised = promised_digest(item.config);
        promised && oci::Digest::of(image.config_bytes) != *promised)
      return error(ErrorKind::kCorrupt, "{}: the image config {} has another digest, {}", image.what,
                   promised->to_string(), oci::Digest::of(image.config_bytes).to_string());
    for (std::string& layer : item.layers) image.layers.push_back({std::move(layer), {}});
    image.tags = std::move(item.tags);
    TRY(take_config(image));
    keep(std::move(image));
  }
  return {};
}

// An archive that is both says the same in both tables, and more in the layout's.
Result<> Contents::read_tables() {
  const bool docker = files_.has("manifest.json");
  if (files_.has("index.json") && files_.has("oci-layout")) {
    TRY(read_layout());
    if (!images_.empty() || !docker) return {};
  }
  if (!docker)
    return error(ErrorKind::kCorrupt, "this is no image archive: it has neither manifest.json nor an OCI layout");
  return read_docker_manifest();
}

}  // namespace

bool is_plain_layer(const oci::Descriptor& layer) {
  return layer.media_type == oci::media_type::kOciLayer || layer.media_type == oci::media_type::kDockerLayer;
}

Result<std::vector<ArchivedImage>> read_contents(ArchiveFiles& files, const std::optional<oci::Platform>& platform) {
  Contents contents(files, platform);
  TRY(contents.read_tables());
  return contents.take();
}

}  // namespace strata::images
