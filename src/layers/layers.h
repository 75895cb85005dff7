// The layers of images on disk, and the root file systems made of them.
//
// A layer is its uncompressed tar, bit for bit (its digest is the diff ID), and a tree made from it:
// an EROFS index whose file data lies in the tar, mounted file-backed; or, where the kernel or the
// store's file system does not allow that, a directory (the "directory form"). Which form a store
// uses is tried once per boot, not guessed; all tools below give the same tree from both.
//
// Foreign bytes are read by the worker program strata-layer only, which has no privileges (for the
// directory form: none outside of the directory it writes).
//
// A layer is known under its chain ID: the same tar on two different parents is one tar on disk, and
// one tree too, unless the tar leaves out directories ("implied parents") whose attributes then come
// from the layers below.
//
// Mounts are a cache in run_root/mounts: overlayfs keeps references of its own, so any process may
// unmount one at any time, and whoever needs it mounts it again.
//
// On disk: root/layers/<diff>.tar, root/layers/<key>.erofs, root/layers/<key>.dir/, where key is the
// diff ID's hex, or the chain ID's where implied parents made the tree its own; <chain>-<n>.erofs, .dir: n layers as
// one tree, the uppermost having that chain ID.
//
// Thread-safe; several processes may use one store.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/compression.h"
#include "layers/layers_check.h"
#include "layers/merged_tree.h"
#include "oci/digest.h"
#include "sys/unique_fd.h"

namespace strata::store {
class Lease;
class Store;
struct Schema;
}  // namespace strata::store

namespace strata::layers {

// The tables of this folder, for Store::open().
const store::Schema& schema();

struct Layer {
  oci::Digest diff_id;
  oci::Digest chain_id;
  std::uint64_t tar_size = 0;
};

// What a worker made of a stream: files in the lease's directory, not yet visible to anybody.
struct Unpacked {
  oci::Digest blob_digest;  // of the bytes as they came; the caller compares it with the manifest
  std::uint64_t blob_size = 0;
  codec::Compression compression = codec::Compression::kNone;
  oci::Digest diff_id;  // of the tar; the caller compares it with the image config
  std::uint64_t tar_size = 0;
  std::uint64_t entries = 0;
  oci::Digest index_digest;
  std::uint64_t index_size = 0;
  // Directories that the tar does not hold itself, "" is the root; and where the index has their inodes.
  struct Implied {
    std::string path;
    std::uint64_t offset = 0;
  };
  std::vector<Implied> implied_parents;
  std::string tar_path, index_path;  // in the lease's directory
};

struct Limits {
  std::uint64_t max_tar_size = std::uint64_t{2000} << 30;  // 512-byte blocks of an index end at 2 TiB
  std::uint64_t max_entries = 4'000'000;
  std::uint64_t max_metadata = std::uint64_t{1} << 30;  // worker's memory for names, xattrs, inodes
};

// Of the store's file system: others write there too, so no layer fills it to the last block.
inline constexpr std::uint64_t kSpaceLeft = 64 << 20;

// Where a container's changes go: two directories on one file system, owned by the caller. An upper
// that is still empty gets the owner, mode and time of the root directory below it.
struct UpperDir {
  std::string upper;
  std::string work;
  bool volatile_ = false;  // never synced: its content is lost when the machine crashes
};

struct Options {
  bool force_directory_form = false;  // the environment's STRATA_FORCE_DIRECTORY_FORM=1 is the caller's to read
  std::string worker_program;         // path of strata-layer
};

// A layer made ready to be sent: a file in the lease's directory.
struct CompressedLayer {
  std::string path;  // "" when it went into a pipe
  oci::Digest digest;
  std::uint64_t size = 0;
  codec::Compression compression = codec::Compression::kGzip;
};

enum class Form { kIndex, kDirectory };

// What a layer takes on disk, in bytes.
struct Usage {
  oci::Digest chain_id;
  oci::Digest diff_id;
  std::uint64_t tar_bytes = 0;  // shared by all chains with this diff ID
  std::uint64_t tree_bytes =
      0;  // index and directory (as it was when written); shared by all chains with this tree_key
  std::string tree_key;
  std::optional<oci::Digest> parent;       // chain ID
  std::vector<std::string> files() const;  // their names in root/layers; not every one need exist
  // Trees made of this layer and others below it: their names in root/layers, and what each takes besides the files
  // that it shares with the layers.
  std::map<std::string, std::uint64_t> merged;
};

class Layers {
 public:
  Layers(store::Store& store, Options options);
  ~Layers();
  Layers(const Layers&) = delete;
  Layers& operator=(const Layers&) = delete;

  // Committed, and its tar is here and whole. One whose tar was lost, or torn by a power loss (the first
  // use after a boot finds out), is not found; commit() brings it back.
  Result<std::optional<Layer>> find(const oci::Digest& chain_id);
  // Those of the chains that find() would not find. Nearly always none, and cheap; what a power loss may have
  // torn is read and compared, several at once.
  Result<std::vector<oci::Digest>> missing(std::span<const oci::Digest> chain_ids);
  // Committed, whatever became of its files.
  Result<bool> is_recorded(const oci::Digest& chain_id);
  Result<bool> has_tar(const oci::Digest& diff_id);

  // Reads a layer, compressed in any way or not at all, from `fd` (a pipe, a file; from where it
  // stands) to its end. Many threads may do this at once, one worker each. Errors: kResourceExhausted
  // "layer inflates beyond …" and the other limits, kCorrupt for damaged bytes or what no layer may hold.
  // `fd` stays the caller's; he closes it after an error, so that whoever writes into it ends.
  // `kept` (open for reading and writing; -1: none) is a file with the bytes that come before those of `fd`;
  // what `fd` brings is appended to it, unless space becomes short: then the file is emptied instead.
  Result<Unpacked> unpack(store::Lease& lease, int fd, const Limits& limits = {}, int kept = -1);
  // The same for an uncompressed tar made here, which must lie in the lease's directory and is taken over.
  Result<Unpacked> adopt_tar(store::Lease& lease, const std::string& tar_path, const Limits& limits = {});

  // Makes the layer visible on top of `parent_chain` (which must be committed; nullopt: at the bottom).
  // Doing it again, or by two processes at once, is no error. Its files leave the lease's directory.
  Result<Layer> commit(store::Lease& lease, const Unpacked& unpacked, const std::optional<oci::Digest>& parent_chain);
  // commit() for a tar that is already here under another chain. kNotFound when it is not.
  Result<Layer> reuse(store::Lease& lease, const oci::Digest& diff_id, const std::optional<oci::Digest>& parent_chain);

  Result<sys::UniqueFd> open_tar(const oci::Digest& diff_id);
  // What a chain shows, bottom first, to be walked without a mount; and what one layer has itself. Who asks
  // what is in an image uses these, and open_tar() only for the bytes of the tar as they are.
  Result<MergedTree> tree(std::span<const oci::Digest> chain);
  Result<MergedTree> own_tree(const oci::Digest& chain_id);
  // The tar as gzip or zstd, made by a worker on all processors. The same tar gives the same bytes.
  // Errors: kNotFound; kCorrupt when the tar on the disk is not what its diff ID says.
  Result<CompressedLayer> compress(store::Lease& lease, const oci::Digest& diff_id, codec::Compression compression,
                                   int level = codec::kDefaultLevel);
  // The same into `output`, a pipe that somebody reads: what has been written before an error is of no use.
  Result<CompressedLayer> compress_to(int output, const oci::Digest& diff_id, codec::Compression compression,
                                      int level = codec::kDefaultLevel);
  // The inflated bytes of `input` (from where it stands to its end) into `output`, by a worker: for
  // archives that hold layers. Both may be pipes and stay the caller's.
  Result<> inflate(int input, int output, codec::Compression compression);

  // The root file system of a chain, bottom layer first: a detached overlay mount that lives as long as
  // the descriptor, or as the mount namespace it is moved into. `upper` null: read-only. An empty chain
  // is an empty root ("FROM scratch"). `extra_lowers` are finished uppers (in overlayfs's own form:
  // whiteouts as 0:0 devices) between the chain and the upper, bottom first.
  Result<sys::UniqueFd> mount_rootfs(std::span<const oci::Digest> chain, const UpperDir* upper,
                                     std::span<const std::string> extra_lowers = {});

  // Makes what mount_rootfs() will need of a long chain, so that the first mount is as quick as the next. Groups of
  // layers become one tree each, derived from the layers' indexes: they count in usage(), go with the uppermost of
  // their layers and are made again wherever they are missing. Nothing is made when the chain's indexes are larger
  // than `max_index_bytes` together: merging takes memory in proportion to them.
  Result<> merge(std::span<const oci::Digest> chain, std::uint64_t max_index_bytes = UINT64_MAX);

  // Forgets chains (which nobody references) and deletes what no other chain uses. A chain that is the
  // parent of one that stays is kept. Running containers keep their files until they end. Returns at once:
  // the files are in the trash (store/trash.h). Returns what was forgotten.
  Result<std::vector<oci::Digest>> remove(std::span<const oci::Digest> chain_ids);
  // Unmounts what is cached for other chains than these; none given: everything, and what cannot be
  // unmounted because it is in use at this moment is left.
  Result<> unmount_unused(std::span<const oci::Digest> chains_in_use);
  // Deletes files in root/layers that no record owns: for use after a dead lease was found.
  Result<> sweep();
  // What they take on disk.
  Result<std::uint64_t> unowned_bytes();

  Result<std::vector<Usage>> usage();

  // The form in use on this store (probed at first need).
  Result<Form> form();

  // fsck: compares every file in root/layers with its digest and every record with the files. `found` is called
  // by one thread at a time. Commands may be at work meanwhile; theirs is no defect.
  Result<CheckTotals> check(const CheckOptions& options, const std::function<void(Defect)>& found);
  // Makes an index or a directory form again from the (whole) tar; takes orphans away. A damaged tar is only
  // noted: from then on nobody finds the layer, and commit() replaces it.
  Result<> mend(const Defect& defect);

 private:
  friend class LayerCheck;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strata::layers
