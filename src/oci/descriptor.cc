#include "oci/descriptor.h"

#include "oci/descriptor_json.h"

namespace strata::oci {
namespace {

void read_platform(JsonFields& in, Platform& platform) {
  in("os", platform.os)("architecture", platform.architecture);
  in("variant", platform.variant)("os.version", platform.os_version);
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

void read_descriptor(JsonFields& in, Descriptor& descriptor) {
  std::string digest;
  std::int64_t size = -1;
  in("mediaType", descriptor.media_type)("digest", digest)("size", size);
  auto parsed = Digest::parse(digest);
  if (!parsed) {
    const ErrorKind kind =
        parsed.error().kind() == ErrorKind::kUnsupported ? ErrorKind::kUnsupported : ErrorKind::kCorrupt;
    return in.fail(std::move(parsed).take_error().with_kind(kind).with_context("\"digest\""));
  }
  descriptor.digest = std::move(*parsed);
  if (size < 0) return in.fail(error(ErrorKind::kCorrupt, "\"size\" is missing or negative"));
  descriptor.size = static_cast<std::uint64_t>(size);
  in.object("platform", [&](JsonFields& platform) { read_platform(platform, descriptor.platform.emplace()); });
  in("annotations", descriptor.annotations)("urls", descriptor.urls);
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
    if (!descriptor.platform->os_version.empty()) platform["os.version"] = descriptor.platform->os_version;
    if (!descriptor.platform->variant.empty()) platform["variant"] = descriptor.platform->variant;
  }
  return value;
}

std::string dump(const ordered_json& document) {
  return document.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace strata::oci
