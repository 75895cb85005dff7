// What goes: layers that nobody references, files without a record, mounts that are only a cache.
#include <sys/stat.h>

#include <set>

#include "layers/layers_impl.h"
#include "layers/merged_records.h"
#include "store/reference.h"
#include "store/trash.h"
#include "sys/file.h"
#include "sys/tree_size.h"

namespace strata::layers {

namespace {

std::uint64_t blocks_of(const std::string& path) {
  const auto info = sys::lstat_path(path);
  return info ? static_cast<std::uint64_t>(info->st_blocks) * 512 : 0;
}

}  // namespace

Result<std::vector<oci::Digest>> Layers::remove(std::span<const oci::Digest> chain_ids) {
  // Dying between the records and their files leaves a dead lease, and that makes the next command sweep.
  // On a full disk there is none, and removing must still work.
  const Result<store::Lease> mark = store::Lease::create(impl_->store);
  std::set<std::string> trees;
  std::set<oci::Digest> gone;
  {
    store::Transaction change = TRY(impl_->db().begin());
    // A parent can go once its children have: as often as anything changes.
    std::set<oci::Digest> left(chain_ids.begin(), chain_ids.end());
    for (bool changed = true; changed;) {
      changed = false;
      for (auto chain = left.begin(); chain != left.end();) {
        const auto layer = TRY(records::find_layer(impl_->db(), *chain));
        if (layer && (TRY(records::is_parent(impl_->db(), *chain)) ||
                      TRY(store::is_referenced(impl_->store, store::kLayer, chain->to_string())))) {
          ++chain;
          continue;
        }
        if (layer) {
          TRY(records::erase_layer(impl_->db(), *chain));
          trees.insert(layer->tree_key);
          for (const auto& merged : TRY(records::merged_of(impl_->db(), *chain))) trees.insert(merged.key);
          gone.insert(*chain);
          changed = true;
        }
        chain = left.erase(chain);
      }
    }
    TRY(records::erase_unused(impl_->db()));
    for (auto key = trees.begin(); key != trees.end();)
      key = TRY(records::find_index(impl_->db(), *key)) ? trees.erase(key) : std::next(key);
    TRY(change.commit());
  }
  if (!trees.empty()) TRY(impl_->mounts.drop(trees));
  TRY(impl_->delete_unowned());
  std::vector<oci::Digest> removed(chain_ids.begin(), chain_ids.end());
  std::erase_if(removed, [&](const oci::Digest& chain) { return !gone.contains(chain); });
  return removed;
}

Result<> Layers::sweep() { return impl_->delete_unowned(); }

Result<std::uint64_t> Layers::unowned_bytes() {
  std::uint64_t bytes = 0;
  for (const std::string& name : TRY(impl_->unowned())) bytes += TRY(sys::tree_size(impl_->directory + "/" + name));
  return bytes;
}

Result<std::vector<std::string>> Layers::Impl::unowned() {
  if (!sys::exists(directory)) return std::vector<std::string>();
  const std::vector<std::string> owned = TRY(records::owned_files(db()));
  const std::set<std::string, std::less<>> known(owned.begin(), owned.end());
  std::vector<std::string> names = TRY(sys::list_directory(directory));
  std::erase_if(names, [&](const std::string& name) { return known.contains(name); });
  return names;
}

Result<> Layers::Impl::delete_unowned() {
  // A first look without the lock: nearly always there is nothing.
  if (TRY(unowned()).empty()) return {};
  store::Transaction alone = TRY(db().begin());
  for (const std::string& name : TRY(unowned())) TRY(store::discard(store, directory + "/" + name));
  return {};
}

Result<> Layers::unmount_unused(std::span<const oci::Digest> chains_in_use) {
  std::set<std::string> keys;
  for (const oci::Digest& chain : chains_in_use)
    if (const auto layer = TRY(records::find_layer(impl_->db(), chain))) {
      keys.insert(layer->tree_key);
      for (const auto& merged : TRY(records::merged_of(impl_->db(), chain))) keys.insert(merged.key);
    }
  return impl_->mounts.keep_only(keys);
}

std::vector<std::string> Usage::files() const {
  std::vector<std::string> names = {diff_id.hex() + ".tar", tree_key + ".erofs", tree_key + ".dir"};
  for (const auto& [name, bytes] : merged) names.push_back(name);
  return names;
}

Result<std::vector<Usage>> Layers::usage() {
  std::vector<Usage> usage;
  for (const records::Layer& layer : TRY(records::all_layers(impl_->db()))) {
    Usage& entry = usage.emplace_back();
    entry.chain_id = layer.chain_id;
    entry.diff_id = layer.diff_id;
    entry.tree_key = layer.tree_key;
    entry.parent = layer.parent;
    entry.tar_bytes = blocks_of(impl_->tar_path(layer.diff_id));
    entry.tree_bytes = blocks_of(impl_->index_path(layer.tree_key)) +
                       TRY(records::find_directory(impl_->db(), layer.tree_key)).value_or(0);
    for (const auto& merged : TRY(records::merged_of(impl_->db(), layer.chain_id)))
      entry.merged.emplace(merged.key + (merged.directory ? ".dir" : ".erofs"),
                           merged.directory ? merged.size : blocks_of(impl_->index_path(merged.key)));
  }
  return usage;
}

}  // namespace strata::layers
