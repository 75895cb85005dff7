// Tables of contents of image archives: what parses prints as something that parses to the same,
// and no name in it leads out of the archive.
#include <cstdlib>
#include <string_view>

#include "images/archive_index.h"

namespace images = strata::images;

namespace {

void check_name(const std::string& name) {
  const auto again = images::member_name(name);
  if (!again || *again != name || name.starts_with('/') || name == ".." || name.starts_with("../") ||
      name.find("/../") != std::string::npos)
    std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  if (const auto docker = images::parse_docker_manifest(bytes)) {
    for (const images::DockerImage& image : *docker) {
      check_name(image.config);
      for (const std::string& layer : image.layers) check_name(layer);
    }
    const auto again = images::parse_docker_manifest(images::docker_manifest_json(*docker));
    if (!again || *again != *docker) std::abort();
  }
  if (const auto layout = images::parse_layout_index(bytes))
    for (const images::LayoutImage& image : *layout) {
      if (image.name && !image.name->tag) std::abort();
      for (const auto& name : image.repo_digests)
        if (!name.digest || name.tag) std::abort();
    }
  if (const auto name = images::member_name(bytes)) check_name(*name);
  const std::size_t half = size / 2;
  if (const auto name = images::linked_member(bytes.substr(0, half), bytes.substr(half))) check_name(*name);
  (void)images::promised_digest(bytes);
  (void)images::check_oci_layout(bytes);
  return 0;
}
