// What a layer's tar means as a tree of files: the one place that knows the rules. Both forms of a layer
// (index and directory) are written from this tree.
// https://github.com/opencontainers/image-spec/blob/main/layer.md
//
// - The last entry of a path wins; a directory entry for a directory that is there only changes its
//   attributes. A hard link keeps its inode when the name that it was linked to is replaced.
// - Names are put inside the root: leading slashes, "." and ".." fall away as after chroot(2).
// - A parent that is a symlink of this layer is followed inside this layer's root, as every engine does
//   that extracts in order; a parent that is a file is an error. What a lower layer has under such
//   a name is never looked at: a directory hides it.
// - Parents without an entry of their own are made ("implied"): 0755, root's, time 0, until commit()
//   says what the layers below have there.
// - ".wh.x" hides x of the layers below, ".wh..wh..opq" all that they have in its directory; what this
//   layer has itself stays, whichever comes first. A directory that is also hidden becomes opaque.
//   Other ".wh..wh.*" names (AUFS's own) are passed over.
// - A character device 0:0 means the same as a whiteout to overlayfs: it becomes one.
// - Written for overlayfs: whiteouts are devices 0:0, opaque directories have trusted.overlay.opaque=y,
//   directories with whiteouts an empty trusted.overlay.origin. The image's own trusted.overlay.* are dropped, and so
//   is what no file system here holds: other namespaces than user, trusted, security and ACLs, user.* on what is
//   neither file nor directory. POSIX ACLs and modes are made to agree as chmod(2) does.
//
// Errors are kCorrupt for what no layer may hold and kResourceExhausted for limits; both name the entry.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/erofs_tree.h"
#include "codec/tar_entry.h"
#include "layers/name_table.h"

namespace strata::layers {

struct TreeLimits {
  std::uint64_t max_entries = 4'000'000;                // implied directories included
  std::uint64_t max_metadata = std::uint64_t{1} << 30;  // bytes of memory
};

struct ImpliedParent {
  std::string path;  // "a/b"; "" is the root
  std::uint32_t inode = 0;
};

// What an implied parent shall be instead.
struct DirectoryAttributes {
  std::uint16_t mode = 0755;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime_sec = 0;
  std::uint32_t mtime_nsec = 0;
  codec::XattrSet xattrs;
  bool operator==(const DirectoryAttributes&) const = default;
};

class LayerTree {
 public:
  explicit LayerTree(TreeLimits limits = {});

  // In the order of the archive.
  Result<> add(const codec::TarEntry& entry);
  // Call it once, after the last entry; tree() and implied() are of no use before.
  Result<> finish(const std::map<std::string, DirectoryAttributes>& implied_attributes = {});

  const codec::ErofsTree& tree() const { return tree_; }
  // Directories whose attributes come from the layers below, parents before children.
  const std::vector<ImpliedParent>& implied() const { return implied_; }
  std::uint64_t entries() const { return entries_; }

 private:
  using InodeId = std::uint32_t;
  static constexpr InodeId kNone = 0xFFFFFFFF;

  // A name in a directory while the tree grows.
  struct Name {
    InodeId inode = kNone;     // what this layer has there
    bool hides_lower = false;  // a whiteout was given
  };
  struct Directory {
    InodeId inode = kNone;
    bool implied = true;
    bool opaque = false;
    bool no_inheritance = false;  // what is below is hidden, so attributes cannot come from it
    std::uint32_t parent = 0;     // these two once finished
    std::string_view name;
    std::vector<Name> names;  // parallel to tree_.directories[…]
  };
  struct Parent {
    std::uint32_t directory;
    std::string_view base;
  };

  Result<Parent> find_parent(std::string_view path, bool create);
  Result<std::uint32_t> walk(std::vector<std::string_view> components, bool create);
  Result<Name*> name_in(std::uint32_t directory, std::string_view name);
  Name* find_name(std::uint32_t directory, std::string_view name);
  Result<InodeId> new_inode(codec::FileType type);
  Result<std::uint32_t> new_directory(InodeId inode);
  Result<> add_link(const codec::TarEntry& entry);
  Result<> add_whiteout(std::uint32_t directory, std::string_view base);
  Result<> fill(InodeId id, const codec::TarEntry& entry);
  Result<std::uint32_t> keep_xattrs(codec::FileType type, const std::map<std::string, std::string>& xattrs,
                                    std::uint16_t& mode);
  std::uint32_t keep_set(codec::XattrSet set);
  Result<> charge(std::uint64_t bytes);
  void collect_entries(std::uint32_t directory, bool hidden);
  Result<> note_implied(std::uint32_t directory);

  TreeLimits limits_;
  codec::ErofsTree tree_;
  codec::TextArena text_;
  std::vector<Directory> directories_;  // parallel to tree_.directories
  NameTable table_;
  std::map<codec::XattrSet, std::uint32_t> sets_;
  std::vector<ImpliedParent> implied_;
  std::uint64_t entries_ = 0;
  std::uint64_t memory_ = 0;
  std::uint64_t implied_text_ = 0;
  InodeId whiteout_ = kNone;
  // Entries come directory by directory: the last parent is remembered until a name changes its kind.
  std::string last_parent_;
  std::uint32_t last_directory_ = kNone;
};

}  // namespace strata::layers
