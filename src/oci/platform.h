// A platform: the operating system and processor that an image is for.
// https://github.com/opencontainers/image-spec/blob/main/image-index.md ("platform"), values as Go
// names them.
#pragma once

#include <compare>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::oci {

struct Platform {
  std::string os;
  std::string architecture;
  std::string variant;     // "v7", or empty
  std::string os_version;  // Windows only; kept, not compared

  // "linux/arm/v7"
  std::string to_string() const;
  auto operator<=>(const Platform&) const = default;
};

// What this program was built for.
Platform host_platform();

// "linux/amd64", "arm64", "linux/arm/v6", with the usual other names (x86_64, aarch64, armhf).
// A part left out is the host's. Errors: kInvalidArgument.
Result<Platform> parse_platform(std::string_view text);

// Whether an image for `have` runs where `wanted` is asked for: the same system and architecture,
// and a variant not newer than wanted (arm: v5 to v8, arm64: v8 when unnamed, amd64: v1 when
// unnamed).
bool matches(const Platform& wanted, const Platform& have);

// How well it matches: 0 is exact, larger is worse, negative is not at all.
int match_distance(const Platform& wanted, const Platform& have);

}  // namespace strata::oci
