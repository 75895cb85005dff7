// Layers become a root file system: their trees, checked and mounted, and an overlay over them.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "codec/erofs_writer.h"
#include "layers/direct_reads.h"
#include "layers/index.h"
#include "layers/layers_impl.h"
#include "layers/upper_root.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/overlay.h"

namespace strata::layers {

Result<std::vector<records::Layer>> Layers::Impl::lookup(std::span<const oci::Digest> chain) {
  std::vector<records::Layer> layers;
  for (const oci::Digest& id : chain) {
    auto layer = TRY(records::find_layer(db(), id));
    if (!layer) return error(ErrorKind::kNotFound, "layer {} is not here", id.to_string());
    layers.push_back(std::move(*layer));
  }
  return layers;
}

Result<std::vector<oci::Digest>> Layers::Impl::chain_of(oci::Digest top) {
  std::vector<oci::Digest> chain;
  for (std::optional<oci::Digest> at = std::move(top); at;) {
    const auto layer = TRY(records::find_layer(db(), *at));
    if (!layer) return error(ErrorKind::kNotFound, "layer {} is not here", at->to_string());
    chain.push_back(*at);
    at = layer->parent;
  }
  std::ranges::reverse(chain);
  return chain;
}

Result<sys::UniqueFd> Layers::Impl::open_tree(const records::Layer& layer) {
  if (TRY(form()) == Form::kIndex) return mounts.get(layer.tree_key, [&] { return mount_checked(layer); });
  const std::string path = directory_path(layer.tree_key);
  if (!TRY(has_whole_directory(layer.tree_key))) TRY(rebuild(layer, true));
  return TRY(sys::open_file(path, O_PATH | O_DIRECTORY | O_NOFOLLOW), "layer {}", layer.diff_id.to_string());
}

// The kernel believes what it is given: a wrong tar would serve wrong bytes, a short one errors later.
Result<> Layers::Impl::ensure_index(const records::Layer& layer) {
  const std::string name = layer.diff_id.to_string();
  const auto tar = TRY(records::find_tar(db(), layer.diff_id));
  if (!tar) return error(ErrorKind::kNotFound, "layer {}: its tar is not here", name);
  if (!TRY(has_whole_tar(*tar)))
    return error(ErrorKind::kCorrupt,
                 "layer {}: its tar is lost or damaged: remove the image and pull or build it again", name);
  const auto index = TRY(records::find_index(db(), layer.tree_key));
  if (!index || index->writer != codec::kErofsWriterVersion || !check_index(*index, index_path(layer.tree_key)) ||
      !TRY(is_whole(layer.tree_key + ".erofs", index->digest)))
    TRY(rebuild(layer, false));
  return {};
}

Result<sys::UniqueFd> Layers::Impl::mount_checked(const records::Layer& layer) {
  TRY(ensure_index(layer));
  const std::string tar = tar_path(layer.diff_id);
  return TRY(mount_index(index_path(layer.tree_key), std::span(&tar, 1), TRY(reads_of(layer.tree_key))), "layer {}",
             layer.diff_id.to_string());
}

Result<Reads> Layers::Impl::reads_of(const std::string& key) {
  if (!TRY(ability()).direct_reads) return Reads::kBuffered;
  return TRY(may_read_directly(store.paths(), db(), key)) ? Reads::kDirect : Reads::kBuffered;
}

Result<> Layers::Impl::check_index(const records::Index& index, const std::string& path) {
  const sys::UniqueFd file = TRY(sys::open_file(path, O_RDONLY | O_NONBLOCK));
  const struct stat info = TRY(sys::stat_fd(file.get()));
  std::array<std::byte, codec::kErofsHead> head{};
  TRY(sys::pread_full(file.get(), head, 0));
  if (static_cast<std::uint64_t>(info.st_size) != index.size ||
      TRY(codec::read_erofs_uuid(head)) != index_uuid(index.key))
    return error(ErrorKind::kCorrupt, "{} is not the index that was written", path);
  return {};
}

// From the tar: an index of another writer's version, or lost; or the form that was not needed before.
Result<> Layers::Impl::rebuild(const records::Layer& layer, bool as_directory) {
  store::Lease lease = TRY(store::Lease::create(store));
  ImpliedAttributes attributes;
  if (!layer.attributes.empty()) attributes = TRY(parse_implied_attributes(layer.attributes));
  const auto tar = TRY(records::find_tar(db(), layer.diff_id));
  if (!tar || !TRY(has_whole_tar(*tar)))
    return error(ErrorKind::kNotFound, "layer {}: its tar is not here, or damaged", layer.diff_id.to_string());
  Unpacked here;
  here.diff_id = layer.diff_id;
  here.tar_size = tar->size;
  here.tar_path = tar_path(layer.diff_id);
  NewTree tree;
  if (as_directory) {
    TRY(make_directory(lease, here.tar_path, attributes, tree), "layer {}", layer.diff_id.to_string());
  } else {
    TRY(make_index(lease, here, layer.tree_key, attributes, tree), "layer {}", layer.diff_id.to_string());
  }
  store::Transaction change = TRY(db().begin());
  // Removed meanwhile: then its tree would belong to nobody.
  if (!TRY(records::find_layer(db(), layer.chain_id)))
    return error(ErrorKind::kNotFound, "layer {} was removed meanwhile", layer.diff_id.to_string());
  TRY(install_tree(tree, layer.tree_key, layer.diff_id));
  return change.commit();
}

Result<sys::UniqueFd> Layers::Impl::empty_directory(int number) {
  const std::string path = fmt::format("{}/empty-{}", store.paths().run_root, number);
  TRY(sys::make_directories(path, 0755));
  return sys::open_file(path, O_PATH | O_DIRECTORY);
}

Result<sys::UniqueFd> Layers::mount_rootfs(std::span<const oci::Digest> chain, const UpperDir* upper,
                                           std::span<const std::string> extra_lowers) {
  TRY(impl_->prepare());
  std::vector<sys::UniqueFd> trees = TRY(impl_->open_trees(TRY(impl_->lookup(chain))));  // bottom first
  for (const std::string& path : extra_lowers) trees.push_back(TRY(sys::open_file(path, O_PATH | O_DIRECTORY)));
  std::vector<int> lowers = TRY(Impl::lowers_of(trees));
  if (upper != nullptr && !lowers.empty()) TRY(inherit_root(lowers.front(), *upper));
  // Without an upper overlayfs wants two lowers.
  std::vector<sys::UniqueFd> empties;
  for (const std::size_t enough = upper != nullptr ? 1 : 2; lowers.size() < enough;) {
    empties.push_back(TRY(impl_->empty_directory(static_cast<int>(empties.size()))));
    lowers.push_back(empties.back().get());
  }
  sys::OverlayOptions overlay;
  overlay.lowers = lowers;
  overlay.scratch = impl_->store.paths().run_root;
  if (upper != nullptr) {
    overlay.upper = upper->upper;
    overlay.work = upper->work;
    overlay.volatile_ = upper->volatile_;
  }
  return sys::mount_overlay(overlay);
}

// overlayfs does not look at whether a root directory is opaque, so what lies below one is left out here. A tree that
// an image has several times (that of an empty tar, say) would be refused with ELOOP: it stands where it is the
// topmost, because there it decides about every path that it decides about further down.
Result<std::vector<int>> Layers::Impl::lowers_of(const std::vector<sys::UniqueFd>& trees_bottom_first) {
  std::vector<int> lowers;
  std::set<std::pair<dev_t, ino_t>> known;
  for (auto tree = trees_bottom_first.rbegin(); tree != trees_bottom_first.rend(); ++tree) {
    const struct stat root = TRY(sys::stat_fd(tree->get()));
    if (!known.emplace(root.st_dev, root.st_ino).second) continue;
    lowers.push_back(tree->get());
    if (TRY(sys::xattrs_of_entry(tree->get(), "")).contains("trusted.overlay.opaque")) break;
  }
  return lowers;
}

}  // namespace strata::layers
