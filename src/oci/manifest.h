// Image manifests and indexes, OCI and Docker schema 2 (the same shape under other media types).
// https://github.com/opencontainers/image-spec/blob/main/manifest.md, image-index.md
//
// Parsing is strict where safety hangs on it: one document must not be both a manifest and an index
// (CVE-2021-41190), sizes are not negative, digests are digests, and the media type inside must
// agree with the one outside. Unknown members are ignored.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"
#include "oci/descriptor.h"
#include "oci/platform.h"

namespace strata::oci {

inline constexpr std::size_t kMaxManifestSize = 4 << 20;

struct Manifest {
  std::string media_type{media_type::kOciManifest};
  Descriptor config;
  std::vector<Descriptor> layers;  // bottom first
  std::map<std::string, std::string> annotations;

  std::string to_json() const;  // deterministic, without white space
};

struct Index {
  std::string media_type{media_type::kOciIndex};
  std::vector<Descriptor> manifests;
  std::map<std::string, std::string> annotations;

  std::string to_json() const;
};

// `outer_media_type` is what the registry's Content-Type or a descriptor said; empty when nobody
// did. Errors: kCorrupt (what is wrong, with the byte or the member), kUnsupported (schema 1,
// unknown types), kResourceExhausted (more than kMaxManifestSize bytes).
Result<std::variant<Manifest, Index>> parse_manifest(std::string_view bytes, std::string_view outer_media_type = {});

// The manifest of an index that fits a platform best; the first one among equals. Attestations
// (platform unknown/unknown) are never chosen.
// Errors: kNotFound, "no matching manifest for linux/arm64 in the manifest list entries".
Result<Descriptor> choose_manifest(const Index& index, const Platform& wanted);

}  // namespace strata::oci
