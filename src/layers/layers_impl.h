// The inside of Layers (layers.h): one object, its work in several files.
//
//   layers.cc         looking up, unpacking
//   layers_commit.cc  files in a lease become a layer
//   layers_rootfs.cc  layers become a root file system
//   layers_merged.cc  long chains become few trees
//   layers_walk.cc    layers are looked at without a mount
//   layers_remove.cc  what goes
//   layers_verify.cc  files that a power loss may have torn
//   layers_check.cc   everything, for fsck
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "layers/layers.h"
#include "layers/mounts.h"
#include "layers/probe.h"
#include "layers/records.h"
#include "layers/worker.h"
#include "store/lease.h"

namespace strata::layers {

// A tree that is on disk but not yet recorded: files in a lease's directory.
struct NewTree {
  std::optional<records::Index> index;
  std::string index_path;
  std::string directory;  // "" when there is none
  std::uint64_t directory_bytes = 0;
};

// SHA-256 of the whole file as hex. `progress` is told of bytes as they are read; false ends it (kCancelled).
Result<std::string> digest_of_file(int fd, const std::function<bool(std::uint64_t)>& progress = {});

struct Layers::Impl {
  Impl(store::Store& s, Options o)
      : store(s), options(std::move(o)), directory(s.paths().root + "/layers"), mounts(s.paths().run_root) {}

  store::Store& store;
  Options options;
  std::string directory;
  MountCache mounts;
  std::mutex ability_mutex;
  std::optional<Ability> known_ability;
  std::atomic<unsigned> next_file = 0;
  WindowBudget windows{kWindowBudget};
  std::mutex doubts_mutex;
  std::optional<std::map<std::string, records::Doubt>> doubts;  // when this process began to look

  store::Database& db() { return store.db(); }
  std::string tar_path(const oci::Digest& diff_id) const { return directory + "/" + diff_id.hex() + ".tar"; }
  std::string index_path(const std::string& key) const { return directory + "/" + key + ".erofs"; }
  std::string directory_path(const std::string& key) const { return directory + "/" + key + ".dir"; }

  Result<> prepare() {
    (void)TRY(store.directory("layers"));
    return {};
  }
  Result<Form> form() { return TRY(ability()).form; }
  Result<Ability> ability();
  // Of the mounted index `key`.
  Result<Reads> reads_of(const std::string& key);
  WorkerJob job(const Limits& limits = {});
  Result<CompressedLayer> compress(const oci::Digest& diff_id, codec::Compression compression, int level, int output);
  std::string lease_file(const store::Lease& lease, std::string_view kind) {
    return fmt::format("{}/{}-{}", lease.directory(), next_file.fetch_add(1), kind);
  }

  Result<Unpacked> unpack(store::Lease& lease, int input, const std::string& own_tar, const Limits& limits, int kept);
  Result<Layer> add(store::Lease& lease, const Unpacked& unpacked, const std::optional<oci::Digest>& parent);
  Result<Layer> record(store::Lease& lease, const Unpacked& unpacked, const std::optional<oci::Digest>& parent);
  Result<ImpliedAttributes> resolve(const Unpacked& unpacked, const std::optional<oci::Digest>& parent);
  Result<NewTree> make_tree(store::Lease& lease, const Unpacked& unpacked, const std::string& key,
                            const ImpliedAttributes& attributes);
  Result<> make_index(store::Lease& lease, const Unpacked& unpacked, const std::string& key,
                      const ImpliedAttributes& attributes, NewTree& tree);
  Result<> patch_index(const Unpacked& unpacked, const std::string& key, const ImpliedAttributes& attributes,
                       const std::string& path, records::Index& index);
  Result<> make_directory(store::Lease& lease, const std::string& tar, const ImpliedAttributes& attributes,
                          NewTree& tree);
  Result<> install_tar(const Unpacked& unpacked);
  Result<> install_tree(const NewTree& tree, const std::string& key, const oci::Digest& diff_id);

  Result<std::vector<records::Layer>> lookup(std::span<const oci::Digest> chain);
  Result<std::vector<oci::Digest>> chain_of(oci::Digest top);
  Result<sys::UniqueFd> open_tree(const records::Layer& layer);
  // Bottom first, groups of layers as one: layers_merged.cc.
  Result<std::vector<sys::UniqueFd>> open_trees(std::span<const records::Layer> layers);
  Result<sys::UniqueFd> open_merged(std::span<const records::Layer> group);
  Result<sys::UniqueFd> mount_merged(std::span<const records::Layer> group, const std::string& key);
  Result<> merge(std::span<const records::Layer> group, const std::string& key, bool as_directory);
  Result<> forget_merged(const std::string& key, bool as_directory);
  Result<> ensure_index(const records::Layer& layer);
  Result<MergedTree::Source> source_of(const records::Layer& layer);
  Result<sys::UniqueFd> mount_checked(const records::Layer& layer);
  Result<> check_index(const records::Index& index, const std::string& path);
  Result<> rebuild(const records::Layer& layer, bool as_directory);

  // Of a file in root/layers. nullopt: it can be believed.
  Result<std::optional<records::Doubt>> doubt(const std::string& file);
  // False when it is damaged; reads it when that is not known. Not inside a transaction when it may be long.
  Result<bool> is_whole(const std::string& file, const std::string& digest);
  Result<bool> has_whole_tar(const records::Tar& tar);
  Result<std::vector<oci::Digest>> missing(std::span<const oci::Digest> chain_ids);
  Result<bool> has_whole_directory(const std::string& key);
  // It has been read and is what it should be.
  Result<> believe(const std::string& file);
  // In the transaction that makes the file visible.
  Result<> note_written(const std::string& file);

  Result<sys::UniqueFd> empty_directory(int number);
  // What overlayfs shall stack, the topmost first.
  static Result<std::vector<int>> lowers_of(const std::vector<sys::UniqueFd>& trees_bottom_first);
  // Names in root/layers that no record owns. Certain inside a transaction only.
  Result<std::vector<std::string>> unowned();
  Result<> delete_unowned();
};

}  // namespace strata::layers
