// A long chain becomes few trees. Layers are merged in groups of kGroup, counted from the bottom, and groups in groups
// of kGroup groups: a chain of 500 layers is one tree of 256, fifteen of 16 and four layers, so that overlayfs stacks
// 20. Counted from the bottom, so that
// - images with the same layers at the bottom share their groups, mounts and cached pages;
// - one more layer on top (a commit, a build step) makes no group anew: each layer is merged once at each level.
#include <fcntl.h>

#include "base/strings.h"
#include "layers/layers_impl.h"
#include "layers/merged_directory.h"
#include "layers/merged_index.h"
#include "layers/merged_records.h"
#include "store/trash.h"
#include "sys/file.h"

namespace strata::layers {
namespace {

constexpr std::size_t kGroup = 16;
// Changes when the same layers would give another tree.
constexpr int kMergedWriter = codec::kErofsWriterVersion * 100 + 1;

// The size of the group that begins at `from` in a chain; 1: a layer of its own.
std::size_t group_at(std::size_t from, std::size_t layers) {
  std::size_t size = 1;
  while (from % (size * kGroup) == 0 && from + size * kGroup <= layers) size *= kGroup;
  return size;
}

}  // namespace

Result<std::vector<sys::UniqueFd>> Layers::Impl::open_trees(std::span<const records::Layer> layers) {
  std::vector<sys::UniqueFd> trees;
  for (std::size_t from = 0; from < layers.size();) {
    const std::size_t size = group_at(from, layers.size());
    const auto group = layers.subspan(from, size);
    from += size;
    if (size > 1) {
      Result<sys::UniqueFd> merged = open_merged(group);
      if (merged) {
        trees.push_back(std::move(*merged));
        continue;
      }
      // Too large for one tree: one by one then.
      if (merged.error().kind() != ErrorKind::kResourceExhausted) return std::move(merged).take_error();
    }
    for (const records::Layer& layer : group) trees.push_back(TRY(open_tree(layer)));
  }
  return trees;
}

Result<sys::UniqueFd> Layers::Impl::open_merged(std::span<const records::Layer> group) {
  const std::string key = records::merged_key(group.back().chain_id, group.size());
  if (TRY(form()) == Form::kIndex) return mounts.get(key, [&] { return mount_merged(group, key); });
  const auto known = TRY(records::find_merged(db(), key, true));
  if (!known || known->writer != kMergedWriter || !sys::exists(directory_path(key)) || TRY(doubt(key + ".dir")))
    TRY(merge(group, key, true), "layers merged for {}", group.back().diff_id.to_string());
  return sys::open_file(directory_path(key), O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

Result<sys::UniqueFd> Layers::Impl::mount_merged(std::span<const records::Layer> group, const std::string& key) {
  for (const records::Layer& layer : group) TRY(ensure_index(layer));  // and its tar
  auto known = TRY(records::find_merged(db(), key, false));
  if (!known || known->writer != kMergedWriter ||
      !check_index({key, group.back().diff_id, known->digest, known->size, known->writer}, index_path(key)) ||
      !TRY(is_whole(key + ".erofs", known->digest))) {
    TRY(merge(group, key, false), "layers merged for {}", group.back().diff_id.to_string());
    known = TRY(records::find_merged(db(), key, false));
    if (!known) return error(ErrorKind::kConflict, "layer {} was removed meanwhile", group.back().diff_id.to_string());
  }
  std::vector<std::string> devices;
  for (const records::Layer& layer : group) devices.push_back(tar_path(layer.diff_id));
  for (const std::uint32_t layer : known->indexes) {
    if (layer >= group.size())
      return error(ErrorKind::kCorrupt, "the record of merged layers {} names one that is not there", key);
    devices.push_back(index_path(group[layer].tree_key));
  }
  return TRY(mount_index(index_path(key), devices, TRY(reads_of(key))), "layers merged for {}",
             group.back().diff_id.to_string());
}

Result<> Layers::Impl::merge(std::span<const records::Layer> group, const std::string& key, bool as_directory) {
  store::Lease lease = TRY(store::Lease::create(store));
  const bool at_bottom = !group.front().parent;
  std::vector<MergedTree::Source> sources;
  for (const records::Layer& layer : group) sources.push_back(TRY(source_of(layer)));
  records::Merged merged{.key = key,
                         .top = group.back().chain_id,
                         .directory = as_directory,
                         .digest = "",
                         .size = 0,
                         .writer = kMergedWriter,
                         .indexes = {}};
  const std::string made = lease_file(lease, "merged");
  if (as_directory) {
    std::vector<std::string> roots;
    for (const records::Layer& layer : group) {
      (void)TRY(open_tree(layer));  // made if it is not there
      roots.push_back(directory_path(layer.tree_key));
    }
    TRY(sys::make_directories(made, 0700));
    const sys::UniqueFd target = TRY(sys::open_file(made, O_RDONLY | O_DIRECTORY));
    merged.size = TRY(write_merged_directory(sources, roots, !at_bottom, target.get()));
  } else {
    const sys::UniqueFd file = TRY(sys::open_file(made, O_RDWR | O_CREAT | O_EXCL, 0600));
    MergedIndexInfo info = TRY(write_merged_index(sources, !at_bottom, key, file.get()));
    merged.digest = hex(info.digest);
    merged.size = info.size;
    merged.indexes = std::move(info.indexes);
  }
  const std::string name = key + (as_directory ? ".dir" : ".erofs");
  store::Transaction change = TRY(db().begin());
  if (!TRY(records::find_layer(db(), merged.top)))
    return error(ErrorKind::kConflict, "layer {} was removed meanwhile", group.back().diff_id.to_string());
  TRY(store::discard(store, directory + "/" + name));
  TRY(sys::rename_path(made, directory + "/" + name));
  TRY(records::put(db(), merged));
  TRY(note_written(name));
  return change.commit();
}

// Gone, they are made again when they are needed.
Result<> Layers::Impl::forget_merged(const std::string& key, bool as_directory) {
  {
    store::Transaction change = TRY(db().begin());
    TRY(records::erase_merged(db(), key, as_directory));
    TRY(change.commit());
  }
  TRY(mounts.drop({key}));
  return delete_unowned();
}

Result<> Layers::merge(std::span<const oci::Digest> chain, std::uint64_t max_index_bytes) {
  if (chain.size() < kGroup) return {};
  TRY(impl_->prepare());
  const std::vector<records::Layer> layers = TRY(impl_->lookup(chain));
  std::uint64_t index_bytes = 0;
  for (const records::Layer& layer : layers)
    if (const auto index = TRY(records::find_index(impl_->db(), layer.tree_key))) index_bytes += index->size;
  if (index_bytes > max_index_bytes) return {};
  (void)TRY(impl_->open_trees(layers));
  return {};
}

}  // namespace strata::layers
