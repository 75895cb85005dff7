// The tree that a chain of layers shows, walked entry by entry without mounting anything; or one layer's own tree,
// with what it hides of those below. For who asks what is in an image (squash, export, tree, explain, diff).
//
//   MergedTree tree = TRY(layers.tree(chain));
//   TRY(tree.walk([&](const TreeEntry& entry) -> Result<> { … TRY(tree.read(entry, offset, buffer)) … }));
//
// - Read from the layers' indexes, which lie beside the tars in both forms of a store. What a tar means was decided
//   when they were written (layer_tree.h), so there is one set of rules, and no tar is parsed again. How layers
//   hide each other is overlayfs's rule: https://docs.kernel.org/filesystems/overlayfs.html
// - Depth first, a directory before what is in it, names sorted by their bytes: as a tar wants them.
// - Memory: the directories on the way down, and one path for every file with several names (kMaxLinkText
//   bytes, else kResourceExhausted). Open files: at most kMaxOpenFiles, however many layers.
// - Errors: kCorrupt for an index that is not what our writer writes (whatever it holds, nothing outside of the
//   indexes and tars is touched); kNotFound for a layer or a file of it that is gone. The caller holds the chain, by
//   an image's reference or a lease.
//
// A chain of no layers has no entries. One thread at a time.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/erofs_tree.h"

namespace strata::layers {

// A piece of a file's data. Between the pieces are holes.
struct Extent {
  std::uint64_t offset = 0;  // in the file
  std::uint64_t length = 0;
  std::uint64_t stored_offset = 0;  // in the layer's tar; or in its index, where few bytes of sparse files lie
  bool in_index = false;
};

// Everything is valid during the visit only; a copy without `path` is enough for MergedTree::read().
struct TreeEntry {
  std::string_view path;  // "usr/bin/env"; "" is the root, the first entry
  codec::FileType type = codec::FileType::kFile;
  std::uint16_t mode = 0;  // 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime_sec = 0;
  std::uint32_t mtime_nsec = 0;
  std::uint32_t dev_major = 0, dev_minor = 0;  // of devices
  std::uint64_t size = 0;                      // of files: bytes, holes included
  std::string target;                          // of symlinks
  codec::XattrSet xattrs;                      // without trusted.overlay.*
  std::vector<Extent> extents;                 // of files, ascending

  // The layer that it comes from, as position in the chain; of a directory that several have, the uppermost.
  std::uint32_t layer = 0;
  // The same number in the same layer: the same file under several names (hard links).
  std::uint64_t inode = 0;
  std::uint32_t links = 1;  // names that it has in its layer, whether they can be seen or not
  // The path under which that file was visited before; empty when this is its first name (or the only one).
  std::string_view link_of;

  // Of one layer's own tree only: hides this name below; hides what is below in this directory.
  bool whiteout = false;
  bool opaque = false;
  // Of one layer's own tree only: a directory that the tar has no entry for, known by what is in it.
  bool implied = false;
};

class MergedTree {
 public:
  static constexpr std::size_t kMaxOpenFiles = 64;
  static constexpr std::uint64_t kMaxLinkText = std::uint64_t{256} << 20;

  // The files of a layer, and what its tar leaves out.
  struct Source {
    std::string name;  // for errors
    std::string tar_path, index_path;
    std::uint64_t tar_size = 0;
    std::vector<std::string> implied;  // paths, for a layer's own tree
  };
  // `sources` bottom first. with_whiteouts: of layers that lie on others, so what they hide of those is told.
  MergedTree(std::vector<Source> sources, bool with_whiteouts);
  ~MergedTree();
  MergedTree(MergedTree&&) noexcept;
  MergedTree& operator=(MergedTree&&) noexcept;

  // Ends at the first error of `visit`, and returns it.
  using Visit = std::function<Result<>(const TreeEntry& entry)>;
  Result<> walk(const Visit& visit);

  // Bytes of a file from `offset`; fewer than asked only at its end. Holes read as zeros.
  Result<std::size_t> read(const TreeEntry& entry, std::uint64_t offset, std::span<std::byte> buffer);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strata::layers
