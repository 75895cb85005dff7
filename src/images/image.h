// What an image is here: a config and its layers under an ID, with the names it goes by. Values
// only.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "oci/digest.h"
#include "oci/image_config.h"
#include "oci/reference.h"

namespace strata::images {

// What lists show; reading it parses no config.
struct ImageSummary {
  oci::Digest id;                            // the digest of the config's bytes
  Timestamp created;                         // as the config says; 1970 when it does not
  std::uint64_t size = 0;                    // of its layers' tars, in bytes
  std::vector<oci::Reference> tags;          // sorted by name
  std::vector<oci::Reference> repo_digests;  // name@digest of the manifests or indexes it was pulled or pushed as
  bool dangling() const { return tags.empty() && repo_digests.empty(); }
};

struct Image : ImageSummary {
  std::string config_bytes;            // as they came; their digest is the ID
  oci::ImageConfig config;             // what they say
  std::vector<oci::Digest> chain_ids;  // bottom first, one for each of config.diff_ids
  Timestamp last_tagged{};             // 1970: never
};

}  // namespace strata::images
