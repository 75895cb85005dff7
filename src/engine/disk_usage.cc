#include "engine/disk_usage.h"

#include <algorithm>
#include <map>
#include <set>

#include "containers/containers.h"
#include "containers/volumes.h"
#include "images/images.h"
#include "layers/layers.h"
#include "store/reference.h"
#include "store/store.h"
#include "sys/file.h"
#include "sys/tree_size.h"

namespace strata::engine {
namespace {

using Chains = std::set<oci::Digest>;

// A directory of the store: the size of each entry, and its own.
struct Listing {
  std::map<std::string, std::uint64_t> entries;
  std::uint64_t own = 0;

  std::uint64_t take(const std::string& name) {
    const auto at = entries.find(name);
    if (at == entries.end()) return 0;
    const std::uint64_t bytes = at->second;
    entries.erase(at);
    return bytes;
  }
  std::uint64_t rest() const {
    std::uint64_t bytes = 0;
    for (const auto& [name, size] : entries) bytes += size;
    return bytes;
  }
};

// Files that several trees link to count where they are met first: directories made of several layers (their names
// have a "-") hold links to files of the layers' own.
Result<Listing> list(const std::string& path, sys::LinkedFiles& counted) {
  Listing listing;
  const auto info = sys::lstat_path(path);
  if (!info) return listing;
  listing.own = static_cast<std::uint64_t>(info->st_blocks) * 512;
  std::vector<std::string> names = TRY(sys::list_directory(path));
  std::ranges::partition(names, [](const std::string& name) { return !name.contains('-'); });
  for (const std::string& name : names) listing.entries.emplace(name, TRY(sys::tree_size(path + '/' + name, counted)));
  return listing;
}

class Measurement {
 public:
  explicit Measurement(Engine& engine) : engine_(engine), root_(engine.settings().paths.root) {}
  Result<DiskUsage> run();

 private:
  Result<> measure_containers();
  Result<> measure_volumes();
  Result<> measure_layers();
  Result<> measure_images(const std::map<oci::Digest, std::vector<oci::Digest>>& users);
  Result<> measure_cache(const Chains& of_images);
  Result<> measure_rest();
  Result<Listing> list_once(const std::string& name);
  Result<Chains> chains_in_flight();
  Chains chains_of_containers(bool running_only);
  void add_with_parents(const oci::Digest& chain, Chains& chains) const;
  std::uint64_t add(const oci::Digest& chain, std::set<std::string>& seen) const;

  Engine& engine_;
  std::string root_;
  DiskUsage usage_;
  sys::LinkedFiles linked_;
  std::set<std::string> listed_;  // entries of root that are in the sums
  std::map<oci::Digest, layers::Usage> layers_;
  Listing layer_files_;
};

Result<Listing> Measurement::list_once(const std::string& name) {
  listed_.insert(name);
  Listing listing = TRY(list(root_ + '/' + name, linked_));
  usage_.other.records += listing.own;
  return listing;
}

Result<> Measurement::measure_containers() {
  Listing listing = TRY(list_once("containers"));
  for (auto& [container, state] : TRY(engine_.containers().list_with_state())) {
    DiskUsage::ContainerUsage entry;
    entry.size = listing.take(container.id);
    if (!state.running()) usage_.pruned_bytes += entry.size;
    entry.state = std::move(state);
    for (const containers::Mount& mount : container.config.mounts)
      if (mount.type == containers::Mount::Type::kVolume) ++entry.volumes;
    entry.container = std::move(container);
    usage_.container_bytes += entry.size;
    usage_.containers.push_back(std::move(entry));
  }
  usage_.other.ownerless = listing.rest();
  return {};
}

Result<> Measurement::measure_volumes() {
  for (const auto& [name, size] : TRY(list_once("volumes")).entries) {
    DiskUsage::VolumeUsage volume{name, 0, size};
    for (const auto& entry : usage_.containers)
      for (const containers::Mount& mount : entry.container.config.mounts)
        if (mount.type == containers::Mount::Type::kVolume && mount.name == name) ++volume.links;
    usage_.volume_bytes += size;
    usage_.volumes.push_back(std::move(volume));
  }
  return {};
}

void Measurement::add_with_parents(const oci::Digest& chain, Chains& chains) const {
  for (std::optional<oci::Digest> at = chain; at && chains.insert(*at).second;) {
    const auto layer = layers_.find(*at);
    at = layer == layers_.end() ? std::nullopt : layer->second.parent;
  }
}

// Bytes of the chain's files that `seen` does not hold yet; they are in it afterwards.
std::uint64_t Measurement::add(const oci::Digest& chain, std::set<std::string>& seen) const {
  const auto at = layers_.find(chain);
  if (at == layers_.end()) return 0;
  std::uint64_t bytes = 0;
  for (const std::string& file : at->second.files()) {
    const auto size = layer_files_.entries.find(file);
    if (size != layer_files_.entries.end() && seen.insert(file).second) bytes += size->second;
  }
  return bytes;
}

Result<Chains> Measurement::chains_in_flight() {
  Chains chains;
  for (const std::string& key : TRY(store::keys_in_leases(engine_.store(), store::kLayer)))
    add_with_parents(TRY(oci::Digest::parse(key)), chains);
  for (const std::string& key : TRY(store::keys_in_leases(engine_.store(), store::kImage)))
    if (const auto image = engine_.images().get(TRY(oci::Digest::parse(key))))
      for (const oci::Digest& chain : image->chain_ids) add_with_parents(chain, chains);
  return chains;
}

Chains Measurement::chains_of_containers(bool running_only) {
  Chains chains;
  for (const auto& entry : usage_.containers)
    if (!running_only || entry.state.running())
      if (const auto image = engine_.images().get(entry.container.image_id))
        for (const oci::Digest& chain : image->chain_ids) add_with_parents(chain, chains);
  return chains;
}

Result<> Measurement::measure_layers() {
  for (layers::Usage& layer : TRY(engine_.layers().usage())) layers_.emplace(layer.chain_id, std::move(layer));
  layer_files_ = TRY(list_once("layers"));
  const auto users = TRY(engine_.images().users_of_layers());
  Chains of_images, of_cache;
  for (const auto& [chain, images] : users) add_with_parents(chain, of_images);
  for (const std::string& key : TRY(store::keys_held_by(engine_.store(), store::kLayer, "build/")))
    add_with_parents(TRY(oci::Digest::parse(key)), of_cache);
  const Chains in_flight = TRY(chains_in_flight());
  std::set<std::string> counted, needed, kept;
  for (const oci::Digest& chain : in_flight) add(chain, needed);
  for (const oci::Digest& chain : in_flight) add(chain, kept);
  for (const oci::Digest& chain : chains_of_containers(false)) add(chain, needed);
  for (const oci::Digest& chain : chains_of_containers(true)) add(chain, kept);
  for (const auto& [file, size] : layer_files_.entries)
    if (!kept.contains(file)) usage_.pruned_bytes += size;
  for (const oci::Digest& chain : of_images) {
    usage_.image_bytes += add(chain, counted);
    usage_.reclaimable_image_bytes += add(chain, needed);
  }
  for (const oci::Digest& chain : of_cache) {
    usage_.cache_bytes += add(chain, counted);
    usage_.reclaimable_cache_bytes += add(chain, needed);
  }
  TRY(measure_images(users));
  TRY(measure_cache(of_images));
  for (const auto& [file, size] : layer_files_.entries) {
    if (counted.contains(file)) continue;
    (needed.contains(file) ? usage_.other.in_flight : usage_.other.unneeded) += size;
  }
  return {};
}

Result<> Measurement::measure_images(const std::map<oci::Digest, std::vector<oci::Digest>>& users) {
  std::map<oci::Digest, std::vector<oci::Digest>> chains_of;
  // By file, because one tar may serve two chains.
  std::map<std::string, std::set<oci::Digest>> images_with;
  for (const auto& [chain, images] : users)
    for (const oci::Digest& image : images) {
      chains_of[image].push_back(chain);
      if (const auto layer = layers_.find(chain); layer != layers_.end())
        for (const std::string& file : layer->second.files()) images_with[file].insert(image);
    }
  for (images::ImageSummary& image : TRY(engine_.images().list())) {
    DiskUsage::ImageUsage entry;
    std::set<std::string> files;
    for (const oci::Digest& chain : chains_of[image.id]) entry.size += add(chain, files);
    for (const std::string& file : files)
      (images_with[file].size() > 1 ? entry.shared : entry.unique) += layer_files_.entries[file];
    for (const auto& container : usage_.containers)
      if (container.container.image_id == image.id) ++entry.containers;
    entry.image = std::move(image);
    usage_.images.push_back(std::move(entry));
  }
  return {};
}

Result<> Measurement::measure_cache(const Chains& of_images) {
  for (build::CachedStep& step : TRY(build::list_cache(engine_.store()))) {
    DiskUsage::CacheUsage entry;
    std::set<std::string> files;
    if (step.chain_id) {
      entry.size = add(*step.chain_id, files);
      entry.shared = of_images.contains(*step.chain_id);
    }
    entry.step = std::move(step);
    usage_.cache.push_back(std::move(entry));
  }
  return {};
}

Result<> Measurement::measure_rest() {
  const Listing leases = TRY(list_once("leases"));
  usage_.other.in_flight += leases.rest();
  usage_.other.work = leases.entries.size();
  usage_.other.partial = TRY(list_once("partial")).rest();
  usage_.pruned_bytes += usage_.other.partial;
  usage_.other.deleted = TRY(list_once("trash")).rest();
  // Last, because what was measured above moves into the database and the trash, not out of it.
  usage_.other.records += static_cast<std::uint64_t>(TRY(sys::lstat_path(root_)).st_blocks) * 512;
  for (const std::string& name : TRY(sys::list_directory(root_)))
    if (!listed_.contains(name)) usage_.other.records += TRY(sys::tree_size(root_ + '/' + name));
  return {};
}

Result<DiskUsage> Measurement::run() {
  TRY(measure_containers());
  TRY(measure_volumes());
  TRY(measure_layers());
  TRY(measure_rest());
  return std::move(usage_);
}

}  // namespace

Result<DiskUsage> disk_usage(Engine& engine) { return Measurement(engine).run(); }

}  // namespace strata::engine
