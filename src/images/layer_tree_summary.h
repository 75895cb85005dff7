// `image tree`: the layers of an image, what each added, and which other images have it too.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "images/images.h"

namespace strata::images {

struct LayerSummary {
  oci::Digest diff_id;
  oci::Digest chain_id;
  std::string instruction;     // foreign text
  std::uint64_t tar_size = 0;  // bytes on disk
  std::uint64_t files = 0, directories = 0, links = 0,
                others = 0;              // links: symlinks and hard links
  std::uint64_t bytes = 0;               // of its files
  std::uint64_t removed = 0;             // names of layers below that it hides
  std::vector<std::string> shared_with;  // names (or short IDs) of other images with the same tar, sorted
};

// Bottom first. Memory: none for the files of an image.
Result<std::vector<LayerSummary>> summarize_layers(Images& images, const Image& image);

}  // namespace strata::images
