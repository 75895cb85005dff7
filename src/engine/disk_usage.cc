#include "engine/disk_usage.h"

#include <map>
#include <set>

#include "containers/containers.h"
#include "containers/names.h"
#include "containers/volumes.h"
#include "images/images.h"
#include "layers/layers.h"
#include "store/store.h"
#include "sys/file.h"
#include "sys/tree_size.h"

namespace strata::engine {
namespace {

// Files of layers, each counted once however many chains use it.
class LayerFiles {
 public:
  explicit LayerFiles(std::vector<layers::Usage> usages) {
    for (layers::Usage& usage : usages) by_chain_.emplace(usage.chain_id, std::move(usage));
  }

  // Bytes of the chain's files that `seen` does not hold yet; they are in it afterwards.
  std::uint64_t add(const oci::Digest& chain_id, std::set<std::string>& seen) const {
    const auto at = by_chain_.find(chain_id);
    if (at == by_chain_.end()) return 0;
    std::uint64_t bytes = 0;
    if (seen.insert("tar " + at->second.diff_id.hex()).second) bytes += at->second.tar_bytes;
    if (seen.insert("tree " + at->second.tree_key).second) bytes += at->second.tree_bytes;
    return bytes;
  }

  const std::map<oci::Digest, layers::Usage>& chains() const { return by_chain_; }

 private:
  std::map<oci::Digest, layers::Usage> by_chain_;
};

Result<> measure_containers(Engine& engine, DiskUsage& usage) {
  for (containers::Container& container : TRY(engine.containers().list())) {
    DiskUsage::ContainerUsage entry;
    entry.size = TRY(sys::tree_size(engine.containers().paths(container.id).directory));
    entry.state = TRY(engine.containers().state(container));
    for (const containers::Mount& mount : container.config.mounts)
      if (mount.type == containers::Mount::Type::kVolume) ++entry.volumes;
    entry.container = std::move(container);
    usage.containers.push_back(std::move(entry));
  }
  return {};
}

Result<> measure_volumes(Engine& engine, DiskUsage& usage) {
  const std::string directory = engine.settings().paths.root + "/volumes";
  if (!sys::exists(directory)) return {};
  for (std::string& name : TRY(sys::list_directory(directory))) {
    if (!containers::check_volume_name(name)) continue;
    DiskUsage::VolumeUsage volume{std::move(name), 0, 0};
    volume.size = TRY(sys::tree_size(containers::volume_directory(engine.settings().paths, volume.name)));
    for (const auto& entry : usage.containers)
      for (const containers::Mount& mount : entry.container.config.mounts)
        if (mount.type == containers::Mount::Type::kVolume && mount.name == volume.name) ++volume.links;
    usage.volumes.push_back(std::move(volume));
  }
  return {};
}

Result<> measure_images(Engine& engine, DiskUsage& usage) {
  const LayerFiles files(TRY(engine.layers().usage()));
  std::map<oci::Digest, std::vector<oci::Digest>> chains_of;  // by image ID
  std::map<oci::Digest, std::size_t> images_of;               // by chain ID
  std::vector<images::ImageSummary> list = TRY(engine.images().list());
  for (const auto& image : list) {
    chains_of[image.id] = TRY(engine.images().get(image.id)).chain_ids;
    for (const oci::Digest& chain : chains_of[image.id]) ++images_of[chain];
  }
  std::set<std::string> in_images, in_active;
  for (const auto& entry : usage.containers) {
    const auto chains = chains_of.find(entry.container.image_id);
    if (chains == chains_of.end()) continue;
    for (const oci::Digest& chain : chains->second) files.add(chain, in_active);
  }
  for (images::ImageSummary& image : list) {
    DiskUsage::ImageUsage entry;
    std::set<std::string> in_this;
    for (const oci::Digest& chain : chains_of[image.id]) {
      const std::uint64_t bytes = files.add(chain, in_this);
      (images_of[chain] > 1 ? entry.shared : entry.unique) += bytes;
      usage.image_bytes += files.add(chain, in_images);
      usage.reclaimable_image_bytes += files.add(chain, in_active);
    }
    entry.size = entry.shared + entry.unique;
    for (const auto& container : usage.containers)
      if (container.container.image_id == image.id) ++entry.containers;
    entry.image = std::move(image);
    usage.images.push_back(std::move(entry));
  }
  for (const auto& [chain, layer] : files.chains()) {
    if (const std::uint64_t bytes = files.add(chain, in_images); bytes > 0) {
      usage.cache_bytes += bytes;
      ++usage.cache_layers;
    }
  }
  return {};
}

}  // namespace

Result<DiskUsage> disk_usage(Engine& engine) {
  DiskUsage usage;
  TRY(measure_containers(engine, usage));
  TRY(measure_volumes(engine, usage));
  TRY(measure_images(engine, usage));
  return usage;
}

}  // namespace strata::engine
