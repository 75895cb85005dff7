// What images, containers, volumes and the build cache take on disk, and what a prune would free.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "containers/container.h"
#include "engine/engine.h"
#include "images/image.h"

namespace strata::engine {

// All sizes are allocated bytes of files in the store.
struct DiskUsage {
  struct ImageUsage {
    images::ImageSummary image;
    std::uint64_t size = 0;    // shared + unique
    std::uint64_t shared = 0;  // layers that another image has too
    std::uint64_t unique = 0;
    std::size_t containers = 0;
  };
  struct ContainerUsage {
    containers::Container container;
    containers::State state;
    std::uint64_t size = 0;  // its writable layer and log
    std::size_t volumes = 0;
  };
  struct VolumeUsage {
    std::string name;
    std::size_t links = 0;  // containers that mount it
    std::uint64_t size = 0;
  };
  std::vector<ImageUsage> images;
  std::vector<ContainerUsage> containers;
  std::vector<VolumeUsage> volumes;
  std::uint64_t image_bytes = 0;              // every layer of an image once
  std::uint64_t reclaimable_image_bytes = 0;  // layers that only images without containers have
  std::uint64_t cache_bytes = 0;              // layers that only the build cache has
  std::size_t cache_layers = 0;
};

Result<DiskUsage> disk_usage(Engine& engine);

}  // namespace strata::engine
