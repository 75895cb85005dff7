// Files in a lease's directory become a layer: its parents' attributes, its tree, its records.
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "codec/erofs_writer.h"
#include "layers/implied_parents.h"
#include "layers/index.h"
#include "layers/layers_impl.h"
#include "layers/merged_records.h"
#include "oci/chain_id.h"
#include "store/reference.h"
#include "store/trash.h"
#include "sys/file.h"
#include "sys/overlay.h"
#include "sys/tree_size.h"

namespace strata::layers {

Result<Layer> Layers::commit(store::Lease& lease, const Unpacked& unpacked,
                             const std::optional<oci::Digest>& parent_chain) {
  return impl_->add(lease, unpacked, parent_chain);
}

Result<Layer> Layers::reuse(store::Lease& lease, const oci::Digest& diff_id,
                            const std::optional<oci::Digest>& parent_chain) {
  const auto tar = TRY(records::find_tar(impl_->db(), diff_id));
  if (!tar || !TRY(impl_->has_whole_tar(*tar)))
    return error(ErrorKind::kNotFound, "layer {} is not here", diff_id.to_string());
  Unpacked here;
  here.diff_id = diff_id;
  here.tar_size = tar->size;
  here.tar_path = impl_->tar_path(diff_id);
  for (auto& [path, offset] : TRY(parse_implied(tar->implied))) here.implied_parents.push_back({path, offset});
  return impl_->add(lease, here, parent_chain);
}

Result<Layer> Layers::Impl::add(store::Lease& lease, const Unpacked& unpacked,
                                const std::optional<oci::Digest>& parent) {
  Result<Layer> added = record(lease, unpacked, parent);
  // Files that were in place already when the disk became full, without their records.
  if (!added) (void)delete_unowned();
  return added;
}

Result<Layer> Layers::Impl::record(store::Lease& lease, const Unpacked& unpacked,
                                   const std::optional<oci::Digest>& parent) {
  const oci::Digest chain = parent ? oci::chain_id(*parent, unpacked.diff_id) : unpacked.diff_id;
  const Layer layer{unpacked.diff_id, chain, unpacked.tar_size};
  // Held first, looked up then: what is found stays.
  TRY(lease.hold(store::kLayer, chain.to_string()));
  auto old_tar = TRY(records::find_tar(db(), unpacked.diff_id));
  if (TRY(records::find_layer(db(), chain)) && old_tar && TRY(has_whole_tar(*old_tar))) return layer;
  if (parent && !TRY(records::find_layer(db(), *parent)))
    return error(ErrorKind::kNotFound, "layer {}: its parent {} is not here", unpacked.diff_id.to_string(),
                 parent->to_string());
  TRY(prepare());
  const ImpliedAttributes attributes = TRY(resolve(unpacked, parent), "layer {}", unpacked.diff_id.to_string());
  records::Layer record{chain, unpacked.diff_id, parent, attributes.empty() ? unpacked.diff_id.hex() : chain.hex(),
                        attributes.empty() ? "" : to_json(attributes)};
  const NewTree tree =
      TRY(make_tree(lease, unpacked, record.tree_key, attributes), "layer {}", unpacked.diff_id.to_string());

  // Renamed while nobody else may write: sweep() looks under the same lock and sees files with their records.
  store::Transaction change = TRY(db().begin());
  old_tar = TRY(records::find_tar(db(), unpacked.diff_id));
  const bool whole = old_tar && TRY(has_whole_tar(*old_tar));
  if (whole && TRY(records::find_layer(db(), chain))) return layer;
  if (parent && !TRY(records::find_layer(db(), *parent)))
    return error(ErrorKind::kConflict, "layer {}: its parent was removed meanwhile", unpacked.diff_id.to_string());
  if (whole) {
    // The one that is there stays: it may be mounted. Ours goes with the lease.
  } else if (unpacked.tar_path != tar_path(unpacked.diff_id)) {
    TRY(install_tar(unpacked));
  } else {
    return error(ErrorKind::kConflict, "layer {} was removed meanwhile", unpacked.diff_id.to_string());
  }
  TRY(install_tree(tree, record.tree_key, unpacked.diff_id));
  TRY(records::put(db(), record));
  std::set<std::string> stale;
  if (old_tar && !whole) {
    stale = TRY(records::tree_keys_of(db(), unpacked.diff_id));
    for (const auto& merged : TRY(records::all_merged(db()))) stale.insert(merged.key);
  }
  TRY(change.commit());
  // What was mounted of the damaged one; a container that runs keeps it until it ends.
  if (!stale.empty()) TRY(mounts.drop(stale));
  return layer;
}

Result<> Layers::Impl::install_tar(const Unpacked& unpacked) {
  const std::string path = tar_path(unpacked.diff_id);
  // A rename onto it would have ext4 write all of the new one first.
  TRY(store::discard(store, path));
  TRY(sys::rename_path(unpacked.tar_path, path));
  std::vector<WorkerReport::Implied> implied;
  for (const auto& [parent, offset] : unpacked.implied_parents) implied.push_back({parent, offset});
  TRY(records::put(db(), records::Tar{unpacked.diff_id, unpacked.tar_size, to_json(implied)}));
  return note_written(unpacked.diff_id.hex() + ".tar");
}

Result<> Layers::Impl::install_tree(const NewTree& tree, const std::string& key, const oci::Digest& diff_id) {
  if (tree.index) {
    // What else has come there goes; a file is replaced, so that whoever mounts it finds the one or the other.
    if (const auto there = sys::lstat_path(index_path(key)); there && !S_ISREG(there->st_mode))
      TRY(store::discard(store, index_path(key)));
    TRY(sys::rename_path(tree.index_path, index_path(key)));
    TRY(records::put(db(), *tree.index));
    TRY(note_written(key + ".erofs"));
  }
  // Two may have made the same directory: the first one stays.
  if (!tree.directory.empty() && !TRY(has_whole_directory(key))) {
    TRY(store::discard(store, directory_path(key)));
    TRY(sys::rename_path(tree.directory, directory_path(key)));
    TRY(records::put_directory(db(), key, diff_id, tree.directory_bytes));
    TRY(note_written(key + ".dir"));
  }
  return {};
}

Result<ImpliedAttributes> Layers::Impl::resolve(const Unpacked& unpacked, const std::optional<oci::Digest>& parent) {
  if (!parent || unpacked.implied_parents.empty()) return ImpliedAttributes();
  const std::vector<oci::Digest> chain = TRY(chain_of(*parent));
  const std::vector<sys::UniqueFd> trees = TRY(open_trees(TRY(lookup(chain))));
  std::vector<int> lowers = TRY(lowers_of(trees));
  const sys::UniqueFd bottom = TRY(empty_directory(0));
  lowers.push_back(bottom.get());
  sys::OverlayOptions overlay;
  overlay.lowers = lowers;
  overlay.scratch = store.paths().run_root;
  const sys::UniqueFd below = TRY(sys::mount_overlay(overlay));
  return attributes_below(below.get(), unpacked.implied_parents);
}

Result<NewTree> Layers::Impl::make_tree(store::Lease& lease, const Unpacked& unpacked, const std::string& key,
                                        const ImpliedAttributes& attributes) {
  NewTree tree;
  if (!TRY(records::find_index(db(), key)) || !sys::exists(index_path(key)))
    TRY(make_index(lease, unpacked, key, attributes, tree));
  if (TRY(form()) == Form::kDirectory && !TRY(has_whole_directory(key)))
    TRY(make_directory(lease, unpacked.tar_path, attributes, tree));
  return tree;
}

Result<> Layers::Impl::make_index(store::Lease& lease, const Unpacked& unpacked, const std::string& key,
                                  const ImpliedAttributes& attributes, NewTree& tree) {
  records::Index& index = tree.index.emplace();
  index.key = key;
  index.diff_id = unpacked.diff_id;
  index.writer = codec::kErofsWriterVersion;
  if (key == unpacked.diff_id.hex() && !unpacked.index_path.empty()) {
    tree.index_path = unpacked.index_path;
    index.digest = unpacked.index_digest.hex();
    index.size = unpacked.index_size;
    return {};
  }
  tree.index_path = lease_file(lease, "index");
  const bool no_xattrs = std::ranges::all_of(attributes, [](const auto& a) { return a.second.xattrs.empty(); });
  if (!unpacked.index_path.empty() && no_xattrs) return patch_index(unpacked, key, attributes, tree.index_path, index);
  // Another place for other xattrs: all of it is written anew.
  const sys::UniqueFd tar = TRY(sys::open_file(unpacked.tar_path, O_RDONLY));
  const sys::UniqueFd file = TRY(sys::open_file(tree.index_path, O_RDWR | O_CREAT | O_EXCL, 0600));
  WorkerJob work = job();
  work.input = tar.get();
  work.index = file.get();
  work.key = key;
  work.implied_attributes = attributes;
  const WorkerReport report = TRY(run_worker(work));
  if (report.diff_id != unpacked.diff_id.hex())
    return error(ErrorKind::kCorrupt, "its tar on disk has digest sha256:{}", report.diff_id);
  index.digest = report.index_digest;
  index.size = report.index_size;
  return {};
}

Result<> Layers::Impl::patch_index(const Unpacked& unpacked, const std::string& key,
                                   const ImpliedAttributes& attributes, const std::string& path,
                                   records::Index& index) {
  // In the copy, not in memory: an index is as large as its layer's maker likes.
  const sys::UniqueFd made = TRY(sys::open_file(unpacked.index_path, O_RDONLY));
  const sys::UniqueFd file = TRY(sys::open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600));
  index.size = static_cast<std::uint64_t>(TRY(sys::stat_fd(made.get())).st_size);
  TRY(sys::copy_range(made.get(), 0, file.get(), index.size));
  for (const Unpacked::Implied& parent : unpacked.implied_parents) {
    const auto wanted = attributes.find(parent.path);
    if (wanted == attributes.end()) continue;
    std::array<std::byte, 64> inode{};
    if (parent.offset < codec::kErofsHead || TRY(sys::pread_full(file.get(), inode, parent.offset)) != inode.size())
      return error(ErrorKind::kCorrupt, "the index has no inode at {}", parent.offset);
    const DirectoryAttributes& a = wanted->second;
    codec::patch_erofs_inode(inode, {a.mode, a.uid, a.gid, a.mtime_sec, a.mtime_nsec});
    TRY(sys::pwrite_all(file.get(), inode, parent.offset));
  }
  std::array<std::byte, codec::kErofsHead> head{};
  if (TRY(sys::pread_full(file.get(), head, 0)) != head.size())
    return error(ErrorKind::kCorrupt, "the index is too short");
  codec::patch_erofs_uuid(head, index_uuid(key));
  TRY(sys::pwrite_all(file.get(), head, 0));
  index.digest = TRY(digest_of_file(file.get()));
  return {};
}

Result<> Layers::Impl::make_directory(store::Lease& lease, const std::string& tar_path,
                                      const ImpliedAttributes& attributes, NewTree& tree) {
  tree.directory = lease_file(lease, "dir");
  TRY(sys::make_directories(tree.directory, 0700));
  const sys::UniqueFd tar = TRY(sys::open_file(tar_path, O_RDONLY));
  const sys::UniqueFd target = TRY(sys::open_file(tree.directory, O_RDONLY | O_DIRECTORY));
  WorkerJob work = job();
  work.input = tar.get();
  work.directory = target.get();
  work.implied_attributes = attributes;
  (void)TRY(run_worker(work));
  tree.directory_bytes = TRY(sys::tree_size(tree.directory));
  return {};
}

}  // namespace strata::layers
