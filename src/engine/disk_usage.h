// What images, containers, volumes and the build cache take on disk, and what a prune would free.
//
// Sizes are allocated bytes (st_blocks), and every file of the store counts once: the kinds and `other` add up to
// what `du -s` says of root, to the block, when nothing changes meanwhile. A layer belongs to the images as long
// as one has it, else to the build cache, else to what nobody needs.
//
// Reclaimable is, as docker has it, what a prune of the kind alone frees (image prune -a, container prune): layers that
// no container, running or not, and no work in flight needs. What is in the trash is not, it goes by itself.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "build/cache.h"
#include "containers/container.h"
#include "engine/engine.h"
#include "images/image.h"

namespace strata::engine {

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
  struct CacheUsage {
    build::CachedStep step;
    std::uint64_t size = 0;  // of its layer
    bool shared = false;     // an image has it too
  };
  struct OtherUsage {
    std::uint64_t records = 0;    // the database, and the directories themselves
    std::uint64_t in_flight = 0;  // files of leases
    std::uint64_t partial = 0;    // of downloads that were interrupted, for the next one
    std::uint64_t deleted = 0;    // in the trash
    std::uint64_t unneeded = 0;   // layers of pulls that failed, and files beside them without a record
    std::uint64_t ownerless = 0;  // of containers that are not recorded: only fsck --repair deletes them
    std::size_t work = 0;         // leases
    std::uint64_t bytes() const { return records + in_flight + partial + deleted + unneeded + ownerless; }
    std::uint64_t reclaimable() const { return partial + unneeded; }
  };
  std::vector<ImageUsage> images;
  std::vector<ContainerUsage> containers;
  std::vector<VolumeUsage> volumes;
  std::vector<CacheUsage> cache;
  OtherUsage other;
  std::uint64_t image_bytes = 0;  // every layer of an image once
  std::uint64_t reclaimable_image_bytes = 0;
  std::uint64_t cache_bytes = 0;  // layers that only the build cache has
  std::uint64_t reclaimable_cache_bytes = 0;
  std::uint64_t container_bytes = 0;
  std::uint64_t volume_bytes = 0;
  // What `system prune -a` frees: with the stopped containers go the layers that only they need.
  std::uint64_t pruned_bytes = 0;
  std::uint64_t bytes() const { return image_bytes + cache_bytes + container_bytes + volume_bytes + other.bytes(); }
};

Result<DiskUsage> disk_usage(Engine& engine);

}  // namespace strata::engine
