#include "oci/descriptor.h"

#include "oci/descriptor_json.h"

namespace strata::oci {
namespace {

Result<Platform> platform_from_json(const json& value) {
  Platform platform;
  platform.os = TRY(string_member(value, "os"));
  platform.architecture = TRY(string_member(value, "architecture"));
  platform.variant = TRY(string_member(value, "variant"));
  platform.os_version = TRY(string_member(value, "os.version"));
  return platform;
}

}  // namespace

bool is_layer_type(std::string_view type) {
  // "nondistributable" and "foreign" layers unpack like all others when the registry has them.
  return type.starts_with("application/vnd.oci.image.layer.v1.tar") ||
         type.starts_with("application/vnd.oci.image.layer.nondistributable.v1.tar") ||
         type.starts_with("application/vnd.docker.image.rootfs.diff.tar") ||
         type.starts_with("application/vnd.docker.image.rootfs.foreign.diff.tar");
}

bool is_index_type(std::string_view type) {
  return type == media_type::kOciIndex || type == media_type::kDockerManifestList;
}

bool is_manifest_type(std::string_view type) {
  return type == media_type::kOciManifest || type == media_type::kDockerManifest;
}

Result<std::map<std::string, std::string>> string_map_member(const json& object,
                                                             std::string_view name) {
  std::map<std::string, std::string> map;
  const json* value = find(object, name);
  if (value == nullptr) return map;
  if (!value->is_object())
    return error(ErrorKind::kCorrupt, "\"{}\" should be an object, not {}", name,
                 value->type_name());
  for (const auto& [key, text] : value->items()) {
    if (!text.is_string())
      return error(ErrorKind::kCorrupt, "\"{}\" should hold strings, not {}", name,
                   text.type_name());
    map.emplace(key, text.get<std::string>());
  }
  return map;
}

Result<Descriptor> descriptor_from_json(const json& value) {
  if (!value.is_object()) return error(ErrorKind::kCorrupt, "a descriptor should be an object");
  Descriptor descriptor;
  descriptor.media_type = TRY(string_member(value, "mediaType"));
  const std::string digest = TRY(string_member(value, "digest"));
  auto parsed = Digest::parse(digest);
  if (!parsed) {
    const ErrorKind kind = parsed.error().kind() == ErrorKind::kUnsupported
                               ? ErrorKind::kUnsupported
                               : ErrorKind::kCorrupt;
    return std::move(parsed).take_error().with_kind(kind).with_context("\"digest\"");
  }
  descriptor.digest = std::move(*parsed);
  const std::int64_t size = TRY(int_member(value, "size", -1));
  if (size < 0) return error(ErrorKind::kCorrupt, "\"size\" is missing or negative");
  descriptor.size = static_cast<std::uint64_t>(size);
  if (const json* platform = find(value, "platform"))
    descriptor.platform = TRY(platform_from_json(*platform), "\"platform\"");
  descriptor.annotations = TRY(string_map_member(value, "annotations"));
  descriptor.urls = TRY(strings_member(value, "urls"));
  return descriptor;
}

ordered_json json_of(const Descriptor& descriptor) {
  ordered_json value;
  value["mediaType"] = descriptor.media_type;
  value["digest"] = descriptor.digest.to_string();
  value["size"] = descriptor.size;
  if (!descriptor.urls.empty()) value["urls"] = descriptor.urls;
  if (!descriptor.annotations.empty()) value["annotations"] = descriptor.annotations;
  if (descriptor.platform) {
    ordered_json& platform = value["platform"];
    platform["architecture"] = descriptor.platform->architecture;
    platform["os"] = descriptor.platform->os;
    if (!descriptor.platform->os_version.empty())
      platform["os.version"] = descriptor.platform->os_version;
    if (!descriptor.platform->variant.empty()) platform["variant"] = descriptor.platform->variant;
  }
  return value;
}

std::string dump(const ordered_json& document) {
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace strata::oci
