// Images as archives: docker's save and load. What is written and read: archive_index.h.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "images/archive_files.h"
#include "images/image.h"
#include "oci/platform.h"
#include "oci/reference.h"

namespace strata::images {

class Images;

enum class ArchiveFormat {
  kCombined,       // docker-archive and OCI layout in one tar
  kDockerArchive,  // manifest.json, <id>.json and <diff id>.tar in a tar
  kOciArchive,     // an OCI layout in a tar
  kOciDirectory,   // an OCI layout
};
// "docker-archive", "oci-archive", "oci-dir"; "" is kCombined. Errors: kInvalidArgument.
Result<ArchiveFormat> parse_archive_format(std::string_view text);

struct SaveOptions {
  ArchiveFormat format = ArchiveFormat::kCombined;
  std::optional<oci::Platform> platform;  // the images must be for it
  bool squash = false;                    // with their layers merged into one (squash.h)
  // Called for every image before its layers are read: makes it whole again, if need be. May be
  // empty.
  std::function<Result<>(const Image&)> prepare;
};
// Writes the images into `output`: a file, pipe or, for kOciDirectory, an empty directory. A name
// without a tag stands for all tags of the repository; an ID and a digest bring no tags along. The
// same names of the same images give the same bytes. Every layer's tar is checked against its diff
// ID while it is written. Errors: kNotFound; kCorrupt for a damaged layer: then the output is not
// an archive.
Result<> save(Images& images, std::span<const std::string> names, const SaveOptions& options, int output);

struct LoadOptions {
  std::optional<oci::Platform> platform;                   // which manifest of an index; nullopt: the host's
  std::uint64_t max_layer_size = std::uint64_t{64} << 30;  // of the uncompressed tar, bytes
};
struct Loaded {
  oci::Digest id;
  std::vector<oci::Reference> tags;
  // Images that had one of these tags before.
  struct Replaced {
    oci::Reference tag;
    oci::Digest id;
  };
  std::vector<Replaced> replaced;
};
// Loads every image of the archive, or none: `input` is a tar in any compression, from a file or a
// pipe, or a directory with an OCI layout. All bytes are verified: configs, manifests and blobs
// against the digests that name them, layers against their diff IDs. An image that is here already
// costs reading the tables of contents. Errors: kCorrupt naming the image or layer,
// kResourceExhausted naming the limit, kNotFound for what the archive lacks.
Result<std::vector<Loaded>> load(Images& images, int input, const LoadOptions& options, LoadProgress& progress);

}  // namespace strata::images
