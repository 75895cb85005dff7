#include "layers/layers.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <set>

#include "codec/erofs_writer.h"
#include "layers/implied_parents.h"
#include "layers/index.h"
#include "layers/mounts.h"
#include "layers/probe.h"
#include "layers/records.h"
#include "layers/upper_root.h"
#include "layers/worker.h"
#include "oci/chain_id.h"
#include "store/lease.h"
#include "store/reference.h"
#include "sys/entry.h"
#include "sys/file.h"
#include "sys/overlay.h"
#include "sys/temp_dir.h"
#include "sys/tree_size.h"

namespace strata::layers {
namespace {

// A tree that is on disk but not yet recorded: files in a lease's directory.
struct NewTree {
  std::optional<records::Index> index;
  std::string index_path;
  std::string directory;  // "" when there is none
  std::uint64_t directory_bytes = 0;
};

std::uint64_t blocks_of(const std::string& path) {
  const auto info = sys::lstat_path(path);
  return info ? static_cast<std::uint64_t>(info->st_blocks) * 512 : 0;
}

// What overlayfs shall stack, the topmost first. It does not look at whether a root directory is opaque, so
// what lies below one is left out here.
Result<std::vector<int>> lowers_of(const std::vector<sys::UniqueFd>& trees_bottom_first) {
  std::vector<int> lowers;
  for (auto tree = trees_bottom_first.rbegin(); tree != trees_bottom_first.rend(); ++tree) {
    lowers.push_back(tree->get());
    if (TRY(sys::xattrs_of_entry(tree->get(), "")).contains("trusted.overlay.opaque")) break;
  }
  return lowers;
}

}  // namespace

struct Layers::Impl {
  Impl(store::Store& s, Options o)
      : store(s), options(std::move(o)), directory(s.paths().root + "/layers"), mounts(s.paths().run_root) {}

  store::Store& store;
  Options options;
  std::string directory;
  MountCache mounts;
  std::mutex form_mutex;
  std::optional<Form> known_form;
  std::atomic<unsigned> next_file = 0;

  store::Database& db() { return store.db(); }
  std::string tar_path(const oci::Digest& diff_id) const { return directory + "/" + diff_id.hex() + ".tar"; }
  std::string index_path(const std::string& key) const { return directory + "/" + key + ".erofs"; }
  std::string directory_path(const std::string& key) const { return directory + "/" + key + ".dir"; }

  Result<> prepare() {
    (void)TRY(store.directory("layers"));
    return {};
  }
  Result<Form> form();
  WorkerJob job(const Limits& limits = {}) const;
  std::string lease_file(const store::Lease& lease, std::string_view kind) {
    return fmt::format("{}/{}-{}", lease.directory(), next_file.fetch_add(1), kind);
  }

  Result<Unpacked> unpack(store::Lease& lease, int input, const std::string& own_tar, const Limits& limits);
  Result<Layer> add(store::Lease& lease, const Unpacked& unpacked, const std::optional<oci::Digest>& parent);
  Result<ImpliedAttributes> resolve(const Unpacked& unpacked, const std::optional<oci::Digest>& parent);
  Result<NewTree> make_tree(store::Lease& lease, const Unpacked& unpacked, const std::string& key,
                            const ImpliedAttributes& attributes);
  Result<> make_index(store::Lease& lease, const Unpacked& unpacked, const std::string& key,
                      const ImpliedAttributes& attributes, NewTree& tree);
  Result<> patch_index(const Unpacked& unpacked, const std::string& key, const ImpliedAttributes& attributes,
                       const std::string& path, records::Index& index);
  Result<> make_directory(store::Lease& lease, const std::string& tar, const ImpliedAttributes& attributes,
                          NewTree& tree);
  Result<> install_tree(const NewTree& tree, const std::string& key, const oci::Digest& diff_id);

  Result<std::vector<records::Layer>> lookup(std::span<const oci::Digest> chain);
  Result<std::vector<oci::Digest>> chain_of(oci::Digest top);
  Result<sys::UniqueFd> open_tree(const records::Layer& layer);
  Result<sys::UniqueFd> mount_checked(const records::Layer& layer);
  Result<> check_index(const records::Index& index, const std::string& path);
  Result<> rebuild(const records::Layer& layer, bool as_directory);
  Result<sys::UniqueFd> empty_directory(int number);
  Result<> delete_unowned();
};

const store::Schema& schema() { return records::schema(); }

Layers::Layers(store::Store& store, Options options) : impl_(std::make_unique<Impl>(store, std::move(options))) {}
Layers::~Layers() = default;

Result<Form> Layers::Impl::form() {
  const std::lock_guard lock(form_mutex);
  if (!known_form) {
    if (options.force_directory_form) {
      known_form = Form::kDirectory;
    } else {
      TRY(prepare());
      known_form = TRY(probe_form(store));
    }
  }
  return *known_form;
}

Result<Form> Layers::form() { return impl_->form(); }

Result<std::optional<Layer>> Layers::find(const oci::Digest& chain_id) {
  const auto layer = TRY(records::find_layer(impl_->db(), chain_id));
  if (!layer) return std::nullopt;
  const auto tar = TRY(records::find_tar(impl_->db(), layer->diff_id));
  if (!tar) return std::nullopt;
  return Layer{layer->diff_id, layer->chain_id, tar->size};
}

Result<bool> Layers::has_tar(const oci::Digest& diff_id) {
  return TRY(records::find_tar(impl_->db(), diff_id)).has_value();
}

Result<sys::UniqueFd> Layers::open_tar(const oci::Digest& diff_id) {
  return TRY(sys::open_file(impl_->tar_path(diff_id), O_RDONLY), "layer {}", diff_id.to_string());
}

Result<CompressedLayer> Layers::compress(store::Lease& lease, const oci::Digest& diff_id, codec::Compression compression) {
  const sys::UniqueFd tar = TRY(open_tar(diff_id));
  CompressedLayer layer;
  layer.path = impl_->lease_file(lease, "blob");
  layer.compression = compression;
  const sys::UniqueFd output = TRY(sys::open_file(layer.path, O_RDWR | O_CREAT | O_EXCL, 0600));
  const auto report = run_compressor(impl_->options.worker_program, tar.get(), output.get(), compression);
  if (!report || report->diff_id != diff_id.hex()) (void)sys::remove_file(layer.path);
  if (!report) return report.error().with_context("layer " + diff_id.to_string());
  if (report->diff_id != diff_id.hex())
    return error(ErrorKind::kCorrupt, "layer {}: its tar on the disk is damaged; remove the image and pull it again",
                 diff_id.to_string());
  layer.digest = TRY(oci::Digest::from_hex(report->blob_digest));
  layer.size = report->blob_size;
  return layer;
}

// --- from a stream to files in a lease ---

WorkerJob Layers::Impl::job(const Limits& limits) const {
  WorkerJob job;
  job.program = options.worker_program;
  job.max_tar_size = limits.max_tar_size;
  job.max_entries = limits.max_entries;
  job.max_metadata = limits.max_metadata;
  return job;
}

Result<Unpacked> Layers::Impl::unpack(store::Lease& lease, int input, const std::string& own_tar,
                                      const Limits& limits) {
  Unpacked unpacked;
  unpacked.tar_path = own_tar.empty() ? lease_file(lease, "tar") : own_tar;
  unpacked.index_path = lease_file(lease, "index");
  const sys::UniqueFd index = TRY(sys::open_file(unpacked.index_path, O_RDWR | O_CREAT | O_EXCL, 0600));
  sys::UniqueFd tar;
  WorkerJob work = job(limits);
  work.index = index.get();
  if (own_tar.empty()) {
    tar = TRY(sys::open_file(unpacked.tar_path, O_RDWR | O_CREAT | O_EXCL, 0600));
    work.input = input;
    work.tar = tar.get();
  } else {
    tar = TRY(sys::open_file(own_tar, O_RDONLY));
    work.input = tar.get();
  }
  Result<WorkerReport> report = run_worker(work);
  if (!report) {
    // The space now, not when the lease goes.
    if (own_tar.empty()) (void)sys::remove_file(unpacked.tar_path);
    (void)sys::remove_file(unpacked.index_path);
    return std::move(report).take_error();
  }
  unpacked.blob_digest = TRY(oci::Digest::from_hex(report->blob_digest));
  unpacked.blob_size = report->blob_size;
  unpacked.compression = report->compression;
  unpacked.diff_id = TRY(oci::Digest::from_hex(report->diff_id));
  unpacked.tar_size = report->tar_size;
  unpacked.entries = report->entries;
  unpacked.index_digest = TRY(oci::Digest::from_hex(report->index_digest));
  unpacked.index_size = report->index_size;
  for (auto& [path, offset] : report->implied) unpacked.implied_parents.push_back({std::move(path), offset});
  return unpacked;
}

Result<Unpacked> Layers::unpack(store::Lease& lease, int fd, const Limits& limits) {
  return impl_->unpack(lease, fd, "", limits);
}

Result<Unpacked> Layers::adopt_tar(store::Lease& lease, const std::string& tar_path, const Limits& limits) {
  Unpacked unpacked = TRY(impl_->unpack(lease, -1, tar_path, limits));
  if (unpacked.compression != codec::Compression::kNone)
    return error(ErrorKind::kInvalidArgument, "{} is compressed", tar_path);
  return unpacked;
}

// --- from files in a lease to a layer ---

Result<Layer> Layers::commit(store::Lease& lease, const Unpacked& unpacked,
                             const std::optional<oci::Digest>& parent_chain) {
  return impl_->add(lease, unpacked, parent_chain);
}

Result<Layer> Layers::reuse(store::Lease& lease, const oci::Digest& diff_id,
                            const std::optional<oci::Digest>& parent_chain) {
  const auto tar = TRY(records::find_tar(impl_->db(), diff_id));
  if (!tar) return error(ErrorKind::kNotFound, "layer {} is not here", diff_id.to_string());
  Unpacked here;
  here.diff_id = diff_id;
  here.tar_size = tar->size;
  here.tar_path = impl_->tar_path(diff_id);
  for (auto& [path, offset] : TRY(parse_implied(tar->implied))) here.implied_parents.push_back({path, offset});
  return impl_->add(lease, here, parent_chain);
}

Result<Layer> Layers::Impl::add(store::Lease& lease, const Unpacked& unpacked,
                                const std::optional<oci::Digest>& parent) {
  const oci::Digest chain = parent ? oci::chain_id(*parent, unpacked.diff_id) : unpacked.diff_id;
  const Layer layer{unpacked.diff_id, chain, unpacked.tar_size};
  // Held first, looked up then: what is found stays.
  TRY(lease.hold(store::kLayer, chain.to_string()));
  if (TRY(records::find_layer(db(), chain))) return layer;
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
  if (TRY(records::find_layer(db(), chain))) return layer;
  if (parent && !TRY(records::find_layer(db(), *parent)))
    return error(ErrorKind::kConflict, "layer {}: its parent was removed meanwhile", unpacked.diff_id.to_string());
  const std::string tar = tar_path(unpacked.diff_id);
  const bool known = TRY(records::find_tar(db(), unpacked.diff_id)).has_value();
  if (known && sys::exists(tar)) {
    // The one that is there stays: it may be mounted. Ours goes with the lease.
  } else if (unpacked.tar_path != tar) {
    TRY(sys::rename_path(unpacked.tar_path, tar));
    std::vector<WorkerReport::Implied> implied;
    for (const auto& [path, offset] : unpacked.implied_parents) implied.push_back({path, offset});
    TRY(records::put(db(), records::Tar{unpacked.diff_id, unpacked.tar_size, to_json(implied)}));
  } else {
    return error(ErrorKind::kConflict, "layer {} was removed meanwhile", unpacked.diff_id.to_string());
  }
  TRY(install_tree(tree, record.tree_key, unpacked.diff_id));
  TRY(records::put(db(), record));
  TRY(change.commit());
  return layer;
}

Result<> Layers::Impl::install_tree(const NewTree& tree, const std::string& key, const oci::Digest& diff_id) {
  if (tree.index) {
    TRY(sys::rename_path(tree.index_path, index_path(key)));
    TRY(records::put(db(), *tree.index));
  }
  // Two may have made the same directory: the first one stays.
  if (!tree.directory.empty() && !TRY(records::find_directory(db(), key))) {
    TRY(sys::rename_path(tree.directory, directory_path(key)));
    TRY(records::put_directory(db(), key, diff_id, tree.directory_bytes));
  }
  return {};
}

Result<ImpliedAttributes> Layers::Impl::resolve(const Unpacked& unpacked, const std::optional<oci::Digest>& parent) {
  if (!parent || unpacked.implied_parents.empty()) return ImpliedAttributes();
  const std::vector<oci::Digest> chain = TRY(chain_of(*parent));
  std::vector<sys::UniqueFd> trees;
  for (const records::Layer& layer : TRY(lookup(chain))) trees.push_back(TRY(open_tree(layer)));
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
  if (TRY(form()) == Form::kDirectory && !TRY(records::find_directory(db(), key)))
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
  if (!unpacked.index_path.empty() && no_xattrs)
    return patch_index(unpacked, key, attributes, tree.index_path, index);
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
  std::string bytes = TRY(sys::read_file(unpacked.index_path, codec::kErofsMaxImage));
  const auto image = std::as_writable_bytes(std::span(bytes));
  for (const Unpacked::Implied& parent : unpacked.implied_parents) {
    const auto wanted = attributes.find(parent.path);
    if (wanted == attributes.end()) continue;
    if (parent.offset < codec::kErofsHead || parent.offset + 64 > image.size())
      return error(ErrorKind::kCorrupt, "the index has no inode at {}", parent.offset);
    const DirectoryAttributes& a = wanted->second;
    codec::patch_erofs_inode(image.subspan(parent.offset).first<64>(),
                             {a.mode, a.uid, a.gid, a.mtime_sec, a.mtime_nsec});
  }
  if (image.size() < codec::kErofsHead) return error(ErrorKind::kCorrupt, "the index is too short");
  codec::patch_erofs_uuid(image.first<codec::kErofsHead>(), index_uuid(key));
  const sys::UniqueFd file = TRY(sys::open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  TRY(sys::write_all(file.get(), bytes));
  index.size = bytes.size();
  index.digest = oci::Digest::of(bytes).hex();
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

// --- from layers to a root file system ---

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
  if (TRY(form()) == Form::kIndex)
    return mounts.get(layer.tree_key, [&] { return mount_checked(layer); });
  const std::string path = directory_path(layer.tree_key);
  if (!TRY(records::find_directory(db(), layer.tree_key))) TRY(rebuild(layer, true));
  return TRY(sys::open_file(path, O_PATH | O_DIRECTORY | O_NOFOLLOW), "layer {}", layer.diff_id.to_string());
}

// The kernel believes what it is given: a wrong tar would serve wrong bytes, a short one errors later.
Result<sys::UniqueFd> Layers::Impl::mount_checked(const records::Layer& layer) {
  const std::string name = layer.diff_id.to_string();
  const auto tar = TRY(records::find_tar(db(), layer.diff_id));
  if (!tar) return error(ErrorKind::kNotFound, "layer {}: its tar is not here", name);
  const struct stat info = TRY(sys::stat_path(tar_path(layer.diff_id)), "layer {}", name);
  if (static_cast<std::uint64_t>(info.st_size) != tar->size)
    return error(ErrorKind::kCorrupt, "layer {}: its tar has {} bytes, it had {}: remove the image and pull it again", name,
                 info.st_size, tar->size);
  const std::string path = index_path(layer.tree_key);
  const auto index = TRY(records::find_index(db(), layer.tree_key));
  if (!index || index->writer != codec::kErofsWriterVersion || !check_index(*index, path)) TRY(rebuild(layer, false));
  return TRY(mount_index(path, tar_path(layer.diff_id)), "layer {}", name);
}

Result<> Layers::Impl::check_index(const records::Index& index, const std::string& path) {
  const sys::UniqueFd file = TRY(sys::open_file(path, O_RDONLY));
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
  if (!tar) return error(ErrorKind::kNotFound, "layer {}: its tar is not here", layer.diff_id.to_string());
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
  std::vector<sys::UniqueFd> trees;  // bottom first
  for (const records::Layer& layer : TRY(impl_->lookup(chain))) trees.push_back(TRY(impl_->open_tree(layer)));
  for (const std::string& path : extra_lowers) trees.push_back(TRY(sys::open_file(path, O_PATH | O_DIRECTORY)));
  std::vector<int> lowers = TRY(lowers_of(trees));
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

// --- what goes ---

Result<> Layers::remove(std::span<const oci::Digest> chain_ids) {
  std::set<std::string> trees;
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
  return impl_->delete_unowned();
}

Result<> Layers::sweep() { return impl_->delete_unowned(); }

Result<> Layers::Impl::delete_unowned() {
  if (!sys::exists(directory)) return {};
  const auto unowned = [&]() -> Result<std::vector<std::string>> {
    const std::vector<std::string> owned = TRY(records::owned_files(db()));
    const std::set<std::string, std::less<>> known(owned.begin(), owned.end());
    std::vector<std::string> names = TRY(sys::list_directory(directory));
    std::erase_if(names, [&](const std::string& name) { return known.contains(name); });
    return names;
  };
  // A first look without the lock: nearly always there is nothing.
  std::vector<std::string> names = TRY(unowned());
  if (names.empty()) return {};
  std::vector<std::string> trees;
  {
    store::Transaction alone = TRY(db().begin());
    names = TRY(unowned());
      for (const std::string& name : names) {
      const std::string path = directory + "/" + name;
      const auto info = sys::lstat_path(path);
      if (!info) continue;
      if (!S_ISDIR(info->st_mode)) {
        TRY(sys::remove_file(path));
      } else if (name.starts_with("dead.")) {
        trees.push_back(path);
      } else {
        // Deleting may take long, so only the name goes under the lock.
        trees.push_back(directory + "/dead." + sys::random_hex(8));
        TRY(sys::rename_path(path, trees.back()));
      }
    }
  }
  for (const std::string& tree : trees) {
    const Result<> removed = sys::remove_tree(tree);
    if (!removed && removed.error().error_number() != ENOENT) return removed;  // another one deletes it, too
  }
  return {};
}

Result<> Layers::unmount_unused(std::span<const oci::Digest> chains_in_use) {
  std::set<std::string> keys;
  for (const oci::Digest& chain : chains_in_use)
    if (const auto layer = TRY(records::find_layer(impl_->db(), chain))) keys.insert(layer->tree_key);
  return impl_->mounts.keep_only(keys);
}

Result<std::vector<Usage>> Layers::usage() {
  std::vector<Usage> usage;
  for (const records::Layer& layer : TRY(records::all_layers(impl_->db()))) {
    Usage& entry = usage.emplace_back();
    entry.chain_id = layer.chain_id;
    entry.diff_id = layer.diff_id;
    entry.tree_key = layer.tree_key;
    entry.tar_bytes = blocks_of(impl_->tar_path(layer.diff_id));
    entry.tree_bytes = blocks_of(impl_->index_path(layer.tree_key)) +
                       TRY(records::find_directory(impl_->db(), layer.tree_key)).value_or(0);
  }
  return usage;
}

}  // namespace strata::layers
