#include "oci/manifest.h"

#include "base/strings.h"
#include "oci/descriptor_json.h"

namespace strata::oci {
namespace {

// The type the document has by what all agree on: the registry's header, its own member, its shape.
Result<std::string> agreed_type(const JsonFields& document, const std::string& inner, std::string_view outer) {
  // Content-Type may carry parameters.
  outer = trim(outer.substr(0, outer.find(';')));
  const bool has_index_shape = document.has("manifests");
  const bool has_manifest_shape = document.has("layers") || document.has("config");
  if (has_index_shape && has_manifest_shape)
    return error(ErrorKind::kCorrupt, "ambiguous: both a manifest and an index");
  const bool outer_known = is_index_type(outer) || is_manifest_type(outer);
  if (!inner.empty() && outer_known && inner != outer)
    return error(ErrorKind::kCorrupt, "the media type is {} outside and {} inside", printable(outer), printable(inner));
  std::string type = !inner.empty() ? inner : outer_known ? std::string(outer) : "";
  if (type.empty()) type = has_index_shape ? media_type::kOciIndex : media_type::kOciManifest;
  if (type == media_type::kDockerSchema1 || type == media_type::kDockerSchema1Signed || document.has("fsLayers"))
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

void read_index(JsonFields& in, Index& index) {
  in.list("manifests", index.manifests, read_descriptor)("annotations", index.annotations);
}

void read_one_image(JsonFields& in, Manifest& manifest) {
  if (!in.has("config")) in.fail(error(ErrorKind::kCorrupt, "\"config\" is missing"));
  in.object("config", [&](JsonFields& config) { read_descriptor(config, manifest.config); });
  in.list("layers", manifest.layers, read_descriptor)("annotations", manifest.annotations);
}

void read_document(JsonFields& in, std::string_view outer, std::variant<Manifest, Index>& out) {
  std::string inner;
  in("mediaType", inner);
  if (in.failed()) return;
  auto type = agreed_type(in, inner, outer);
  if (!type) return in.fail(std::move(type).take_error());
  std::int64_t version = 2;
  in("schemaVersion", version);
  if (version != 2) return in.fail(error(ErrorKind::kUnsupported, "unsupported schema version {}", version));
  if (is_index_type(*type)) {
    Index& index = out.emplace<Index>();
    index.media_type = std::move(*type);
    read_index(in, index);
  } else {
    Manifest& manifest = out.emplace<Manifest>();
    manifest.media_type = std::move(*type);
    read_one_image(in, manifest);
  }
}

}  // namespace

Result<std::variant<Manifest, Index>> parse_manifest(std::string_view bytes, std::string_view outer_media_type) {
  if (bytes.size() > kMaxManifestSize)
    return error(ErrorKind::kResourceExhausted, "manifest of {} bytes: the limit is {} (4 MiB)", bytes.size(),
                 kMaxManifestSize);
  std::variant<Manifest, Index> document;
  TRY(read_json_object(bytes, [&](JsonFields& in) { read_document(in, outer_media_type, document); }), "manifest");
  return document;
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
    return error(ErrorKind::kNotFound, "no matching manifest for {} in the manifest list entries", wanted.to_string());
  return *best;
}

}  // namespace strata::oci
