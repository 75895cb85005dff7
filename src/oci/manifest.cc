#include "oci/manifest.h"

#include "base/strings.h"
#include "oci/descriptor_json.h"

namespace strata::oci {
namespace {

Result<std::vector<Descriptor>> descriptors_member(const json& document, const char* name) {
  std::vector<Descriptor> descriptors;
  const json* list = find(document, name);
  if (list == nullptr) return descriptors;
  if (!list->is_array())
    return error(ErrorKind::kCorrupt, "\"{}\" should be a list, not {}", name, list->type_name());
  for (const json& element : *list)
    descriptors.push_back(TRY(descriptor_from_json(element), "{}[{}]", name, descriptors.size()));
  return descriptors;
}

// The type the document has by what all agree on: the registry's header, its own member, its shape.
Result<std::string> agreed_type(const json& document, std::string_view outer) {
  // Content-Type may carry parameters.
  outer = trim(outer.substr(0, outer.find(';')));
  const std::string inner = TRY(string_member(document, "mediaType"));
  const bool has_index_shape = find(document, "manifests") != nullptr;
  const bool has_manifest_shape =
      find(document, "layers") != nullptr || find(document, "config") != nullptr;
  if (has_index_shape && has_manifest_shape)
    return error(ErrorKind::kCorrupt, "ambiguous: both a manifest and an index");
  const bool outer_known = is_index_type(outer) || is_manifest_type(outer);
  if (!inner.empty() && outer_known && inner != outer)
    return error(ErrorKind::kCorrupt, "the media type is {} outside and {} inside",
                 printable(outer), printable(inner));
  std::string type = !inner.empty() ? inner : outer_known ? std::string(outer) : "";
  if (type.empty()) type = has_index_shape ? media_type::kOciIndex : media_type::kOciManifest;
  if (type == media_type::kDockerSchema1 || type == media_type::kDockerSchema1Signed ||
      find(document, "fsLayers") != nullptr)
    return error(ErrorKind::kUnsupported,
                 "Docker image manifest schema 1 is not supported; push the image again with a "
                 "current tool");
  if (!is_index_type(type) && !is_manifest_type(type))
    return error(ErrorKind::kUnsupported, "unsupported manifest media type {}", printable(type));
  if (is_index_type(type) && has_manifest_shape)
    return error(ErrorKind::kCorrupt, "the media type says index, the content is a manifest");
  if (is_manifest_type(type) && has_index_shape)
    return error(ErrorKind::kCorrupt, "the media type says manifest, the content is an index");
  return type;
}

template <class T>
void put_annotations(ordered_json& document, const T& of) {
  if (!of.annotations.empty()) document["annotations"] = of.annotations;
}

Result<std::variant<Manifest, Index>> from_json(const json& document, std::string_view outer) {
  if (!document.is_object()) return error(ErrorKind::kCorrupt, "should be a JSON object");
  std::string type = TRY(agreed_type(document, outer));
  if (const std::int64_t version = TRY(int_member(document, "schemaVersion", 2)); version != 2)
    return error(ErrorKind::kUnsupported, "unsupported schema version {}", version);
  if (is_index_type(type)) {
    Index index;
    index.media_type = std::move(type);
    index.manifests = TRY(descriptors_member(document, "manifests"));
    index.annotations = TRY(string_map_member(document, "annotations"));
    return index;
  }
  Manifest manifest;
  manifest.media_type = std::move(type);
  const json* config = find(document, "config");
  if (config == nullptr) return error(ErrorKind::kCorrupt, "\"config\" is missing");
  manifest.config = TRY(descriptor_from_json(*config), "config");
  manifest.layers = TRY(descriptors_member(document, "layers"));
  manifest.annotations = TRY(string_map_member(document, "annotations"));
  return manifest;
}

}  // namespace

Result<std::variant<Manifest, Index>> parse_manifest(std::string_view bytes,
                                                     std::string_view outer_media_type) {
  if (bytes.size() > kMaxManifestSize)
    return error(ErrorKind::kResourceExhausted, "manifest of {} bytes: the limit is {} (4 MiB)",
                 bytes.size(), kMaxManifestSize);
  const json document = TRY(parse_json(bytes), "manifest");
  return from_json(document, outer_media_type).context("manifest");
}

std::string Manifest::to_json() const {
  ordered_json document;
  document["schemaVersion"] = 2;
  document["mediaType"] = media_type;
  document["config"] = json_of(config);
  document["layers"] = ordered_json::array();
  for (const Descriptor& layer : layers) document["layers"].push_back(json_of(layer));
  put_annotations(document, *this);
  return dump(document);
}

std::string Index::to_json() const {
  ordered_json document;
  document["schemaVersion"] = 2;
  document["mediaType"] = media_type;
  document["manifests"] = ordered_json::array();
  for (const Descriptor& manifest : manifests) document["manifests"].push_back(json_of(manifest));
  put_annotations(document, *this);
  return dump(document);
}

Result<Descriptor> choose_manifest(const Index& index, const Platform& wanted) {
  const Descriptor* best = nullptr;
  int best_distance = 0;
  for (const Descriptor& candidate : index.manifests) {
    // An entry without a platform is one whose maker saw no need: it fits when nothing says better.
    const int distance = candidate.platform ? match_distance(wanted, *candidate.platform) : 1000;
    if (distance < 0) continue;
    if (best == nullptr || distance < best_distance) {
      best = &candidate;
      best_distance = distance;
    }
  }
  if (best == nullptr)
    return error(ErrorKind::kNotFound, "no matching manifest for {} in the manifest list entries",
                 wanted.to_string());
  return *best;
}

}  // namespace strata::oci
