#include "images/archive_index.h"

#include "base/json.h"
#include "base/strings.h"
#include "oci/manifest.h"

namespace strata::images {
namespace {

Error outside(std::string_view path) {
  return error(ErrorKind::kCorrupt, "\"{}\" leads out of the archive", printable(path));
}

// Puts what `path` says behind `parts`.
Result<> walk(std::vector<std::string_view>& parts, std::string_view path) {
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part != "..") {
      parts.push_back(part);
    } else if (parts.empty()) {
      return outside(path);
    } else {
      parts.pop_back();
    }
  }
  return {};
}

std::string joined(const std::vector<std::string_view>& parts) {
  std::string name;
  for (const std::string_view part : parts) {
    if (!name.empty()) name += '/';
    name += part;
  }
  return name;
}

Result<> check_size(std::string_view bytes, std::string_view what) {
  if (bytes.size() > kMaxArchiveIndex)
    return error(ErrorKind::kResourceExhausted, "{} of {} bytes: the limit is {} (4 MiB)", what, bytes.size(),
                 kMaxArchiveIndex);
  return {};
}

Result<> check_count(std::size_t count, std::string_view what) {
  if (count > kMaxArchiveImages)
    return error(ErrorKind::kResourceExhausted, "{} names {} images: the limit is {}", what, count, kMaxArchiveImages);
  return {};
}

Result<DockerImage> docker_image(const json& item) {
  if (!item.is_object()) return error(ErrorKind::kCorrupt, "should be an object");
  DockerImage image;
  image.config = TRY(member_name(TRY(string_member(item, "Config"))));
  if (image.config.empty()) return error(ErrorKind::kCorrupt, "\"Config\" is missing");
  for (const std::string& text : TRY(strings_member(item, "RepoTags"))) {
    oci::Reference tag = TRY(oci::Reference::parse(text), "tag \"{}\"", printable(text));
    if (tag.digest || !tag.tag) return error(ErrorKind::kCorrupt, "\"{}\" is no name with a tag", printable(text));
    image.tags.push_back(std::move(tag));
  }
  for (const std::string& layer : TRY(strings_member(item, "Layers"))) {
    std::string name = TRY(member_name(layer));
    if (name.empty()) return error(ErrorKind::kCorrupt, "a layer has no name");
    image.layers.push_back(std::move(name));
  }
  return image;
}

// containerd's annotation is a whole name. The specification's may be anything: podman and skopeo
// write whole names there, others a tag alone, which names nothing.
Result<std::optional<oci::Reference>> name_of(const oci::Descriptor& descriptor) {
  const auto& annotations = descriptor.annotations;
  if (const auto full = annotations.find(std::string(kImageNameAnnotation)); full != annotations.end()) {
    const oci::Reference name = TRY(oci::Reference::parse(full->second), "name \"{}\"", printable(full->second));
    if (name.digest) return std::nullopt;
    return name.with_default_tag();
  }
  const auto ref = annotations.find(std::string(kRefNameAnnotation));
  if (ref == annotations.end() || ref->second.find_first_of(":/") == std::string::npos) return std::nullopt;
  const auto name = oci::Reference::parse(ref->second);
  if (!name || name->digest) return std::nullopt;
  return name->with_default_tag();
}

template <class Parse>
Result<> for_each_in_list(const oci::Descriptor& descriptor, std::string_view annotation, Parse parse) {
  const auto found = descriptor.annotations.find(std::string(annotation));
  if (found == descriptor.annotations.end()) return {};
  for (const std::string_view item : split(found->second, ',')) TRY(parse(item), "annotation {}", annotation);
  return {};
}

}  // namespace

Result<std::string> member_name(std::string_view path) {
  if (path.starts_with('/')) return outside(path);
  std::vector<std::string_view> parts;
  for (const std::string_view part : split(path, '/'))
    if (part == "..") return outside(path);
  TRY(walk(parts, path));
  return joined(parts);
}

Result<std::string> linked_member(std::string_view link, std::string_view target) {
  if (target.starts_with('/')) return outside(target);
  std::vector<std::string_view> parts;
  const std::size_t slash = link.rfind('/');
  if (slash != std::string_view::npos) TRY(walk(parts, link.substr(0, slash)));
  TRY(walk(parts, target));
  return joined(parts);
}

std::string blob_member(const oci::Digest& digest) { return "blobs/sha256/" + digest.hex(); }

std::optional<oci::Digest> promised_digest(std::string_view member) {
  constexpr std::string_view kBlobs = "blobs/sha256/";
  if (member.starts_with(kBlobs)) {
    member.remove_prefix(kBlobs.size());
  } else if (member.ends_with(".json")) {
    member.remove_suffix(5);
  } else if (member.ends_with(".tar")) {
    member.remove_suffix(4);
  } else {
    return std::nullopt;
  }
  auto digest = oci::Digest::from_hex(member);
  if (!digest) return std::nullopt;
  return *std::move(digest);
}

Result<std::vector<DockerImage>> parse_docker_manifest(std::string_view bytes) {
  TRY(check_size(bytes, "manifest.json"));
  const json document = TRY(parse_json(bytes), "manifest.json");
  if (!document.is_array())
    return error(ErrorKind::kCorrupt, "manifest.json should be a list, not {}", document.type_name());
  TRY(check_count(document.size(), "manifest.json"));
  std::vector<DockerImage> images;
  for (const json& item : document) images.push_back(TRY(docker_image(item), "manifest.json: image {}", images.size()));
  return images;
}

std::string docker_manifest_json(std::span<const DockerImage> images) {
  ordered_json document = ordered_json::array();
  for (const DockerImage& image : images) {
    ordered_json& item = document.emplace_back(ordered_json::object());
    item["Config"] = image.config;
    item["RepoTags"] = nullptr;
    for (const oci::Reference& tag : image.tags) item["RepoTags"].push_back(tag.familiar());
    item["Layers"] = image.layers;
  }
  return document.dump() + "\n";
}

Result<std::vector<LayoutImage>> parse_layout_index(std::string_view bytes) {
  TRY(check_size(bytes, "index.json"));
  auto parsed = TRY(oci::parse_manifest(bytes, oci::media_type::kOciIndex), "index.json");
  oci::Index* index = std::get_if<oci::Index>(&parsed);
  if (index == nullptr) return error(ErrorKind::kCorrupt, "index.json is no index");
  TRY(check_count(index->manifests.size(), "index.json"));
  std::vector<LayoutImage> images;
  for (oci::Descriptor& descriptor : index->manifests) {
    if (!oci::is_index_type(descriptor.media_type) && !oci::is_manifest_type(descriptor.media_type)) continue;
    if (descriptor.platform && descriptor.platform->os == "unknown") continue;
    LayoutImage image;
    const std::string digest = descriptor.digest.to_string();
    image.name = TRY(name_of(descriptor), "index.json: {}", digest);
    TRY(for_each_in_list(descriptor, kKeptManifests,
                         [&](std::string_view item) -> Result<> {
                           image.kept_manifests.push_back(TRY(oci::Digest::parse(item)));
                           return {};
                         }),
        "index.json: {}", digest);
    TRY(for_each_in_list(descriptor, kRepoDigests,
                         [&](std::string_view item) -> Result<> {
                           oci::Reference name = TRY(oci::Reference::parse(item));
                           if (!name.digest) return error(ErrorKind::kCorrupt, "\"{}\" has no digest", printable(item));
                           name.tag.reset();
                           image.repo_digests.push_back(std::move(name));
                           return {};
                         }),
        "index.json: {}", digest);
    image.descriptor = std::move(descriptor);
    images.push_back(std::move(image));
  }
  return images;
}

Result<> check_oci_layout(std::string_view bytes) {
  const json document = TRY(parse_json(bytes), "oci-layout");
  const std::string version = TRY(string_member(document, "imageLayoutVersion"), "oci-layout");
  if (version != "1.0.0")
    return error(ErrorKind::kUnsupported, "OCI layout version \"{}\" is not supported", printable(version));
  return {};
}

}  // namespace strata::images
