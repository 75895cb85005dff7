#include "engine/prune.h"

#include "build/cache.h"
#include "containers/containers.h"
#include "engine/image_uses.h"
#include "images/partial_blob.h"
#include "layers/layers.h"
#include "network/networks.h"
#include "sys/tree_size.h"

namespace strata::engine {
namespace {

Result<> prune_containers(Engine& engine, const images::PruneFilter& filter, PruneReport& report) {
  for (const auto& [container, state] : TRY(engine.containers().list_with_state())) {
    if (state.running()) continue;
    if (!filter.matches(container.created, container.config.labels)) continue;
    const std::uint64_t size = TRY(sys::tree_size(engine.containers().paths(container.id).directory));
    const Result<> removed = engine.containers().remove(container, {.force = false, .volumes = false});
    // One that another command has just started, or is starting, is in use.
    if (!removed && removed.error().kind() == ErrorKind::kConflict) continue;
    if (!removed && removed.error().kind() == ErrorKind::kNotFound) continue;
    TRY(Result<>(removed), "container {}", container.name);
    report.containers.push_back(container.id);
    report.reclaimed += size;
  }
  return {};
}

// Layers that running containers stand on keep their mounts: two overlays on one mount share cached pages.
Result<> unmount_unused_layers(Engine& engine) {
  std::vector<oci::Digest> in_use;
  for (const auto& use : TRY(engine.containers().image_uses())) {
    if (!use.running) continue;
    const Result<images::Image> image = engine.images().get(use.image_id);
    if (!image && image.error().kind() == ErrorKind::kNotFound) continue;  // gone with its container, just now
    if (!image) return image.error();
    in_use.insert(in_use.end(), image->chain_ids.begin(), image->chain_ids.end());
  }
  return engine.layers().unmount_unused(in_use);
}

}  // namespace

Result<PruneReport> prune(Engine& engine, bool all_images, const images::PruneFilter& filter) {
  PruneReport report;
  // Counted now: whoever removes layers takes these along.
  report.reclaimed = TRY(engine.layers().unowned_bytes());
  TRY(prune_containers(engine, filter, report));
  if (filter.empty()) report.cached_steps = TRY(build::forget_cache(engine.store()));
  images::Pruned pruned = TRY(engine.images().prune(all_images, image_uses(engine), filter));
  report.images = std::move(pruned.removals);
  report.reclaimed += pruned.reclaimed;
  report.reclaimed += TRY(images::remove_partial_blobs(engine.store()));
  TRY(engine.layers().sweep());
  TRY(unmount_unused_layers(engine));
  TRY(engine.networks().remove_if_unused());
  return report;
}

}  // namespace strata::engine
