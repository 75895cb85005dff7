#include "images/remote_image.h"

namespace strata::images {

Result<RemoteManifest> fetch_manifest(registry::Client& client, const oci::Reference& reference,
                                      const std::optional<oci::Platform>& platform) {
  RemoteManifest found;
  found.named = TRY(client.get_manifest(reference));
  auto parsed = TRY(oci::parse_manifest(found.named.bytes, found.named.media_type), "{}", reference.familiar());
  if (auto* index = std::get_if<oci::Index>(&parsed)) {
    const oci::Descriptor chosen = TRY(oci::choose_manifest(*index, platform.value_or(oci::host_platform())));
    found.bytes = TRY(client.get_manifest(reference.with_digest(chosen.digest)));
    parsed = TRY(oci::parse_manifest(found.bytes.bytes, chosen.media_type), "manifest {}", chosen.digest.to_string());
  } else {
    found.bytes = found.named;
  }
  if (!std::holds_alternative<oci::Manifest>(parsed))
    return error(ErrorKind::kUnsupported, "{} is an index of indexes", reference.familiar());
  found.manifest = std::get<oci::Manifest>(std::move(parsed));
  for (const oci::Descriptor& layer : found.manifest.layers)
    if (!oci::is_layer_type(layer.media_type))
      return error(ErrorKind::kUnsupported, "{} is no container image: it has a layer of type {}", reference.familiar(),
                   layer.media_type.empty() ? "(none)" : layer.media_type);
  return found;
}

Result<RemoteConfig> fetch_config(registry::Client& client, const oci::Reference& reference,
                                  const oci::Manifest& manifest, const std::optional<oci::Platform>& platform) {
  RemoteConfig found;
  const std::string id = manifest.config.digest.to_string();
  found.bytes = TRY(client.get_blob(reference, manifest.config, oci::kMaxImageConfigSize), "image config {}", id);
  found.config = TRY(oci::ImageConfig::parse(found.bytes), "image config {}", id);
  if (found.config.diff_ids.size() != manifest.layers.size())
    return error(ErrorKind::kCorrupt, "image config {} names {} layers, the manifest {}", id,
                 found.config.diff_ids.size(), manifest.layers.size());
  if (!found.config.os.empty() && found.config.os != "linux")
    return error(ErrorKind::kUnsupported, "image operating system \"{}\" cannot be used on this platform",
                 found.config.os);
  if (platform) {
    const oci::Platform have{found.config.os, found.config.architecture, found.config.variant, {}};
    if (!oci::matches(*platform, have))
      return error(ErrorKind::kNotFound,
                   "image with reference {} was found but does not match the specified platform: "
                   "wanted {}, actual: {}",
                   reference.familiar(), platform->to_string(), have.to_string());
  }
  return found;
}

}  // namespace strata::images
