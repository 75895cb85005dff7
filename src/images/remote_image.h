// What a reference names in a registry, before any layer: the manifest (of an index the one for a
// platform) and the image config.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "oci/platform.h"
#include "oci/reference.h"
#include "registry/client.h"

namespace strata::images {

struct RemoteManifest {
  registry::Fetched named;  // what the reference names: a manifest or an index
  registry::Fetched bytes;  // the manifest of one image
  oci::Manifest manifest;   // that one, parsed; all its layers are of types that layers have
};

// Errors: those of registry::Client; kNotFound when an index has nothing for the platform (nullopt:
// the host's); kCorrupt, kUnsupported for what is no image.
Result<RemoteManifest> fetch_manifest(registry::Client& client, const oci::Reference& reference,
                                      const std::optional<oci::Platform>& platform);

struct RemoteConfig {
  std::string bytes;
  oci::ImageConfig config;  // with as many diff IDs as the manifest has layers
};

// Errors: those of registry::Client; kCorrupt when config and manifest disagree; kUnsupported for
// another operating system; kNotFound when `platform` is given and is another one.
Result<RemoteConfig> fetch_config(registry::Client& client, const oci::Reference& reference,
                                  const oci::Manifest& manifest, const std::optional<oci::Platform>& platform);

}  // namespace strata::images
