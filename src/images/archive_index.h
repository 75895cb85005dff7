// The tables of contents of image archives: manifest.json of a docker-archive, index.json of an OCI
// layout. Pure; the bytes may come from anywhere.
//
//   https://github.com/moby/docker-image-spec/blob/main/spec.md ("Combined Image JSON + Filesystem
//   Changeset Format"), https://github.com/opencontainers/image-spec/blob/main/image-layout.md
//
// An archive that Docker (25 and newer) or we write is both at once. Its layers are plain tars, so
// the manifest in it is one that was made for the archive. The manifests and indexes under which an
// image was pulled ride along as further blobs; two annotations of ours in index.json name them
// (kKeptManifests) and the names they stand behind (kRepoDigests). Readers that do not know them
// ignore both.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/descriptor.h"
#include "oci/digest.h"
#include "oci/reference.h"

namespace strata::images {

inline constexpr std::string_view kImageNameAnnotation = "io.containerd.image.name";
inline constexpr std::string_view kRefNameAnnotation = "org.opencontainers.image.ref.name";
// Lists with commas: digests; and names with digests.
inline constexpr std::string_view kKeptManifests = "dev.strata.kept-manifests";
inline constexpr std::string_view kRepoDigests = "dev.strata.repo-digests";

inline constexpr std::size_t kMaxArchiveIndex = 4 << 20;  // bytes of either document
inline constexpr std::size_t kMaxArchiveImages = 10'000;

// The name of a file in an archive as all who refer to it write it: "a/b", without "./" in front.
// "" is the archive's root. Errors: kCorrupt for an absolute path and for one with "..".
Result<std::string> member_name(std::string_view path);
// Where a symlink of the archive leads: "a/b" with "../c" is "c". Errors: kCorrupt when that is
// outside.
Result<std::string> linked_member(std::string_view link, std::string_view target);

// "blobs/sha256/<hex>"
std::string blob_member(const oci::Digest& digest);
// The digest that a member's name promises: of "blobs/sha256/<hex>", "<hex>.json" and "<hex>.tar".
std::optional<oci::Digest> promised_digest(std::string_view member);

// One image of manifest.json.
struct DockerImage {
  std::string config;                // a member's name
  std::vector<oci::Reference> tags;  // with a tag each
  std::vector<std::string> layers;   // members' names, bottom first

  bool operator==(const DockerImage&) const = default;
};
// Errors: kCorrupt naming what is wrong, kResourceExhausted naming the limit.
Result<std::vector<DockerImage>> parse_docker_manifest(std::string_view bytes);
std::string docker_manifest_json(std::span<const DockerImage> images);

// One entry of index.json.
struct LayoutImage {
  oci::Descriptor descriptor;          // of a manifest or an index
  std::optional<oci::Reference> name;  // with a tag
  std::vector<oci::Digest> kept_manifests;
  std::vector<oci::Reference> repo_digests;
};
// Entries that are no images (attestations, other artifacts) are left out. Errors as above.
Result<std::vector<LayoutImage>> parse_layout_index(std::string_view bytes);

// The content of oci-layout. parse: kUnsupported for another version.
inline constexpr std::string_view kOciLayout = R"({"imageLayoutVersion":"1.0.0"})";
Result<> check_oci_layout(std::string_view bytes);

}  // namespace strata::images
