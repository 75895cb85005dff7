// Manifests as registries serve them, and what we make of them. STRATA_ACCEPT=1 writes the goldens
// anew.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "oci/manifest.h"
#include <gtest/gtest.h>

namespace strata::oci {
namespace {

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::string text_of(const Descriptor& descriptor) {
  std::string text = fmt::format("{} {} {}", descriptor.digest.to_string(), descriptor.size, descriptor.media_type);
  if (descriptor.platform) text += " " + descriptor.platform->to_string();
  return text + "\n";
}

std::string summary(const std::string& bytes) {
  const auto parsed = parse_manifest(bytes);
  if (!parsed) return "error: " + parsed.error().message() + "\n";
  if (const auto* manifest = std::get_if<Manifest>(&*parsed)) {
    std::string text = manifest->media_type + "\nconfig " + text_of(manifest->config);
    for (const Descriptor& layer : manifest->layers)
      text += (is_layer_type(layer.media_type) ? "layer " : "not a layer ") + text_of(layer);
    return text;
  }
  const auto& index = std::get<Index>(*parsed);
  std::string text = index.media_type + "\n";
  for (const char* platform : {"linux/amd64", "linux/arm64", "linux/arm/v6", "linux/s390x"}) {
    const auto chosen = choose_manifest(index, parse_platform(platform).value());
    text += std::string(platform) + ": " + (chosen ? text_of(*chosen) : chosen.error().message() + "\n");
  }
  return text;
}

TEST(Golden, ManifestsOfTheWorld) {
  const bool accept = std::getenv("STRATA_ACCEPT") != nullptr;
  int seen = 0;
  for (const auto& entry : std::filesystem::directory_iterator(STRATA_GOLDENS)) {
    if (entry.path().extension() != ".json") continue;
    ++seen;
    const std::filesystem::path golden = std::filesystem::path(entry.path()).replace_extension(".golden");
    const std::string got = summary(read(entry.path()));
    if (accept) std::ofstream(golden) << got;
    EXPECT_EQ(got, read(golden)) << entry.path();
  }
  EXPECT_GT(seen, 0);
}

}  // namespace
}  // namespace strata::oci
