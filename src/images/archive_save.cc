// Save: names -> images -> what the archive will hold, by name -> written front to back, the tables
// of contents first, so that who reads a stream knows at once what it needs.
#include <fcntl.h>

#include <algorithm>
#include <map>
#include <thread>

#include "base/strings.h"
#include "codec/sha256.h"
#include "codec/tar_writer.h"
#include "images/archive.h"
#include "images/archive_index.h"
#include "images/images.h"
#include "images/records.h"
#include "images/squash.h"
#include "layers/file_stream.h"
#include "layers/layers.h"
#include "oci/manifest.h"
#include "store/database.h"
#include "store/lease.h"
#include "store/reference.h"
#include "sys/file.h"

namespace strata::images {
namespace {

constexpr std::size_t kBufferSize = 1 << 20;

// Where an archive's files go.
class ArchiveOutput {
 public:
  virtual ~ArchiveOutput() = default;
  virtual Result<> directory(const std::string& name) = 0;
  virtual Result<> document(const std::string& name, std::string_view bytes) = 0;
  virtual Result<> layer(const std::string& name, int tar, std::uint64_t size) = 0;
  virtual Result<> finish() = 0;
};

class TarOutput final : public ArchiveOutput {
 public:
  explicit TarOutput(int fd) : sink_(fd) {}
  Result<> directory(const std::string& name) override {
    return tar_.add({.type = codec::TarEntry::Type::kDirectory, .path = name, .mode = 0755});
  }
  Result<> document(const std::string& name, std::string_view bytes) override {
    TRY(tar_.add({.path = name, .mode = 0644, .size = bytes.size()}));
    return tar_.write_data(std::as_bytes(std::span(bytes)));
  }
  Result<> layer(const std::string& name, int tar, std::uint64_t size) override {
    TRY(tar_.add({.path = name, .mode = 0644, .size = size}));
    std::vector<std::byte> buffer(kBufferSize);
    for (std::uint64_t done = 0; done < size;) {
      const std::size_t count =
          TRY(sys::read_some(tar, std::span(buffer).first(std::min<std::uint64_t>(buffer.size(), size - done))));
      if (count == 0) return error(ErrorKind::kCorrupt, "{} is shorter than it was", name);
      TRY(tar_.write_data(std::span<const std::byte>(buffer).first(count)));
      done += count;
    }
    return {};
  }
  Result<> finish() override {
    TRY(tar_.finish());
    return sink_.flush();
  }

 private:
  layers::FileSink sink_;
  codec::TarWriter tar_{sink_};
};

class DirectoryOutput final : public ArchiveOutput {
 public:
  explicit DirectoryOutput(int fd) : root_(fmt::format("/proc/self/fd/{}", fd)) {}
  Result<> directory(const std::string& name) override { return sys::make_directories(root_ + "/" + name); }
  Result<> document(const std::string& name, std::string_view bytes) override {
    const sys::UniqueFd file = TRY(create(name));
    return sys::write_all(file.get(), bytes);
  }
  Result<> layer(const std::string& name, int tar, std::uint64_t size) override {
    const sys::UniqueFd file = TRY(create(name));
    return sys::copy_range(tar, 0, file.get(), size);
  }
  Result<> finish() override { return {}; }

 private:
  Result<sys::UniqueFd> create(const std::string& name) {
    return sys::open_file(root_ + "/" + name, O_WRONLY | O_CREAT | O_EXCL, 0644);
  }
  std::string root_;
};

// An image with the names that it gets in the archive.
struct SavedImage {
  Image image;
  std::vector<oci::Reference> tags;
  bool by_id = false;
  std::vector<std::string> repositories;  // that were named
};

// Whether the layers' tars are what their diff IDs say, found out beside the writing.
class LayerCheck {
 public:
  LayerCheck(layers::Layers& layers, std::vector<oci::Digest> diff_ids)
      : thread_([this, &layers, diff_ids = std::move(diff_ids)](const std::stop_token& stop) {
          for (const oci::Digest& diff_id : diff_ids) {
            if (stop.stop_requested()) return;
            outcome_ = check(layers, diff_id, stop);
            if (!outcome_) return;
          }
        }) {}
  Result<> wait() {
    thread_.join();
    return outcome_;
  }

 private:
  static Result<> check(layers::Layers& layers, const oci::Digest& diff_id, const std::stop_token& stop) {
    const sys::UniqueFd tar = TRY(layers.open_tar(diff_id));
    layers::FileSource source(tar.get());
    codec::HashingSource hash(source);
    std::vector<std::byte> buffer(kBufferSize);
    while (!stop.stop_requested() && TRY(hash.read(buffer)) > 0) {
    }
    if (!stop.stop_requested() && oci::Digest::from_bytes(hash.digest()) != diff_id)
      return error(ErrorKind::kCorrupt, "layer {}: its tar on the disk is damaged; remove the image and pull it again",
                   diff_id.to_string());
    return {};
  }
  Result<> outcome_;
  std::jthread thread_;
};

}  // namespace

class Save {
 public:
  Save(Images& images, const SaveOptions& options)
      : images_(images), store_(images.store()), layers_(images.layers()), options_(options) {}
  Result<> run(std::span<const std::string> names, int output);
  // Layers that were made for this archive alone.
  const std::vector<oci::Digest>& squashed() const { return squashed_; }

 private:
  Result<> find(const std::string& name);
  SavedImage& remember(Image image);
  Result<> describe(const SavedImage& saved);
  Result<> keep_manifests(const SavedImage& saved, oci::Descriptor& descriptor);
  oci::Descriptor put_document(std::string_view media_type, std::string bytes);
  Result<> write(ArchiveOutput& out);
  bool has_layout() const { return options_.format != ArchiveFormat::kDockerArchive; }
  bool has_docker_manifest() const {
    return options_.format == ArchiveFormat::kCombined || options_.format == ArchiveFormat::kDockerArchive;
  }
  std::string layer_member(const oci::Digest& diff_id) const {
    return has_layout() ? blob_member(diff_id) : diff_id.hex() + ".tar";
  }

  Images& images_;
  store::Store& store_;
  layers::Layers& layers_;
  const SaveOptions& options_;
  std::vector<SavedImage> saved_;
  oci::Index index_;
  std::vector<DockerImage> docker_;
  std::map<std::string, std::string> documents_;  // by member's name
  std::vector<oci::Digest> layer_order_;          // diff IDs, each once
  std::vector<oci::Digest> squashed_;             // chain IDs
};

SavedImage& Save::remember(Image image) {
  const auto known = std::ranges::find_if(saved_, [&](const SavedImage& have) { return have.image.id == image.id; });
  if (known != saved_.end()) return *known;
  return saved_.emplace_back(SavedImage{.image = std::move(image)});
}

// As docker does: "name" is every tag of the repository, "name:tag" that tag, and anything else the
// image without a name.
Result<> Save::find(const std::string& name) {
  const auto reference = oci::Reference::parse(name);
  std::vector<oci::Reference> tags;
  if (reference && reference->is_name_only()) tags = TRY(images_.tags_of(*reference));
  if (reference && reference->tag && !reference->digest && TRY(records::image_of_tag(store_.db(), *reference)))
    tags.push_back(*reference);
  if (tags.empty()) {
    SavedImage& one = remember(TRY(images_.find(name)));
    if (reference && reference->digest)
      one.repositories.push_back(reference->name());
    else
      one.by_id = true;
    return {};
  }
  for (const oci::Reference& tag : tags) {
    SavedImage& one = remember(TRY(images_.find(tag.to_string())));
    if (std::ranges::find(one.tags, tag) == one.tags.end()) one.tags.push_back(tag);
    one.repositories.push_back(tag.name());
  }
  return {};
}

oci::Descriptor Save::put_document(std::string_view media_type, std::string bytes) {
  oci::Descriptor descriptor;
  descriptor.media_type = media_type;
  descriptor.digest = oci::Digest::of(bytes);
  descriptor.size = bytes.size();
  documents_.emplace(blob_member(descriptor.digest), std::move(bytes));
  return descriptor;
}

// What the image was pulled and pushed under, for those repositories whose names the archive has
// anyway (by ID: all).
Result<> Save::keep_manifests(const SavedImage& saved, oci::Descriptor& descriptor) {
  std::vector<std::string> digests, names;
  for (records::StoredManifest& kept : TRY(records::documents_of(store_.db(), saved.image.id))) {
    digests.push_back(kept.digest.to_string());
    put_document(kept.media_type, std::move(kept.bytes));
  }
  for (const oci::Reference& name : saved.image.repo_digests)
    if (saved.by_id || std::ranges::find(saved.repositories, name.name()) != saved.repositories.end())
      names.push_back(name.to_string());
  if (!digests.empty()) descriptor.annotations[std::string(kKeptManifests)] = join(digests, ",");
  if (!names.empty()) descriptor.annotations[std::string(kRepoDigests)] = join(names, ",");
  return {};
}

Result<> Save::describe(const SavedImage& saved) {
  const Image& image = saved.image;
  oci::Manifest manifest;
  DockerImage docker;
  docker.tags = saved.tags;
  for (std::size_t i = 0; i < image.chain_ids.size(); ++i) {
    const oci::Digest& diff_id = image.config.diff_ids[i];
    const auto layer = TRY(layers_.find(image.chain_ids[i]));
    if (!layer) return error(ErrorKind::kNotFound, "layer {} is not here", diff_id.to_string());
    if (std::ranges::find(layer_order_, diff_id) == layer_order_.end()) layer_order_.push_back(diff_id);
    manifest.layers.push_back(
        {.media_type = std::string(oci::media_type::kOciLayer), .digest = diff_id, .size = layer->tar_size});
    docker.layers.push_back(layer_member(diff_id));
  }
  docker.config = has_layout() ? blob_member(image.id) : image.id.hex() + ".json";
  if (!has_layout()) documents_.emplace(docker.config, image.config_bytes);
  docker_.push_back(std::move(docker));
  if (!has_layout()) return {};

  manifest.config = put_document(oci::media_type::kOciConfig, image.config_bytes);
  oci::Descriptor descriptor = put_document(manifest.media_type, manifest.to_json());
  TRY(keep_manifests(saved, descriptor));
  if (saved.tags.empty()) index_.manifests.push_back(descriptor);
  for (const oci::Reference& tag : saved.tags) {
    descriptor.annotations[std::string(kImageNameAnnotation)] = tag.to_string();
    descriptor.annotations[std::string(kRefNameAnnotation)] = tag.tag.value_or("");
    index_.manifests.push_back(descriptor);
  }
  return {};
}

Result<> Save::write(ArchiveOutput& out) {
  LayerCheck check(layers_, layer_order_);
  if (has_layout()) TRY(out.document("oci-layout", kOciLayout));
  if (has_layout()) TRY(out.document("index.json", index_.to_json()));
  if (has_docker_manifest()) TRY(out.document("manifest.json", docker_manifest_json(docker_)));
  if (has_layout()) TRY(out.directory("blobs"));
  if (has_layout()) TRY(out.directory("blobs/sha256"));
  for (const auto& [name, bytes] : documents_) TRY(out.document(name, bytes));
  for (const oci::Digest& diff_id : layer_order_) {
    const sys::UniqueFd tar = TRY(layers_.open_tar(diff_id));
    const auto size = static_cast<std::uint64_t>(TRY(sys::stat_fd(tar.get())).st_size);
    TRY(out.layer(layer_member(diff_id), tar.get(), size), "layer {}", diff_id.to_string());
  }
  TRY(out.finish());
  return check.wait();
}

Result<> Save::run(std::span<const std::string> names, int output) {
  for (const std::string& name : names) TRY(find(name));
  store::Lease lease = TRY(store::Lease::create(store_));
  // rmi by somebody else must not take the tars away now.
  for (const SavedImage& saved : saved_)
    for (const oci::Digest& chain : saved.image.chain_ids) TRY(lease.hold(store::kLayer, chain.to_string()));
  for (SavedImage& saved : saved_) {
    if (options_.prepare) TRY(options_.prepare(saved.image));
    const oci::ImageConfig& config = saved.image.config;
    const oci::Platform have{config.os, config.architecture, config.variant, {}};
    if (options_.platform && !oci::matches(*options_.platform, have))
      return error(ErrorKind::kNotFound, "image {} is for {}, not for {}", saved.image.id.to_string(), have.to_string(),
                   options_.platform->to_string());
    if (options_.squash) {
      Image one = TRY(squash(images_, lease, saved.image));
      if (one.id != saved.image.id) squashed_.push_back(one.chain_ids.front());
      saved.image = std::move(one);
    }
    TRY(describe(saved));
  }
  if (options_.format == ArchiveFormat::kOciDirectory) {
    DirectoryOutput out(output);
    return write(out);
  }
  TarOutput out(output);
  return write(out);
}

Result<ArchiveFormat> parse_archive_format(std::string_view text) {
  if (text.empty()) return ArchiveFormat::kCombined;
  if (text == "docker-archive") return ArchiveFormat::kDockerArchive;
  if (text == "oci-archive") return ArchiveFormat::kOciArchive;
  if (text == "oci-dir") return ArchiveFormat::kOciDirectory;
  return error(ErrorKind::kInvalidArgument, "unknown format \"{}\": docker-archive, oci-archive and oci-dir are known",
               printable(text));
}

Result<> save(Images& images, std::span<const std::string> names, const SaveOptions& options, int output) {
  Save save(images, options);
  Result<> saved = save.run(names, output);
  (void)images.drop_layers(save.squashed());
  return saved;
}

}  // namespace strata::images
