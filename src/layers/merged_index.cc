#include "layers/merged_index.h"

#include <fcntl.h>

#include <algorithm>
#include <map>
#include <memory>

#include "codec/erofs_writer.h"
#include "codec/erofs_xattrs.h"
#include "sys/file.h"

namespace strata::layers {
namespace {

using codec::FileType;

// The walk's entries, one after the other, as a tree that can be written.
class Grafting {
 public:
  Grafting(const std::vector<MergedTree::Source>& sources, const MergedLimits& limits)
      : sources_(sources), limits_(limits) {
    for (const MergedTree::Source& source : sources) {
      tar_starts_.push_back(next_start_);
      add_device(source.tar_size);
    }
    index_starts_.resize(sources.size(), kNowhere);
    sets_.emplace(codec::XattrSet{}, 0);
  }

  Result<> add(const TreeEntry& entry) {
    if (++entries_ > limits_.max_entries)
      return error(ErrorKind::kResourceExhausted, "more than {} entries, which is the limit", limits_.max_entries);
    const std::size_t slash = entry.path.rfind('/');
    const std::size_t parent_size = slash == std::string_view::npos ? 0 : slash;
    // Up to the directory it is in. The root's path is as long as none.
    while (above_.size() > 1 && (above_.back().path_size > parent_size || parent_size == 0)) above_.pop_back();
    const std::uint32_t id = entry.whiteout ? whiteout() : TRY(inode_of(entry));
    codec::ErofsInode& inode = tree_.inodes[id];
    if (!above_.empty()) {
      const std::string_view name = entry.path.substr(slash == std::string_view::npos ? 0 : slash + 1);
      Above& parent = above_.back();
      tree_.directories[parent.directory].push_back({text_.keep(name), id});
      if (inode.type == FileType::kDirectory) ++tree_.inodes[parent.inode].nlink;
      if (entry.whiteout) mark(parent.inode, "trusted.overlay.origin", "");
    }
    if (inode.type == FileType::kDirectory) {
      inode.nlink = 2;
      if (entry.opaque) mark(id, "trusted.overlay.opaque", "y");
      above_.push_back({entry.path.size(), inode.detail, id});
    } else {
      ++inode.nlink;
    }
    return {};
  }

  const codec::ErofsTree& tree() const { return tree_; }
  const std::vector<codec::ErofsDevice>& devices() const { return devices_; }
  const std::vector<std::uint32_t>& indexes() const { return indexes_; }

 private:
  static constexpr std::uint64_t kNowhere = ~std::uint64_t{0};
  struct Above {
    std::size_t path_size;
    std::uint32_t directory, inode;
  };

  void add_device(std::uint64_t size) {
    devices_.push_back({"", size});
    next_start_ += (size + codec::kErofsBlock - 1) / codec::kErofsBlock * codec::kErofsBlock;
  }

  std::uint32_t keep_set(codec::XattrSet set) {
    const auto [place, added] = sets_.emplace(std::move(set), static_cast<std::uint32_t>(tree_.xattr_sets.size()));
    if (added) tree_.xattr_sets.push_back(place->first);
    return place->second;
  }

  // overlayfs's own xattrs of a directory.
  void mark(std::uint32_t id, const char* name, const char* value) {
    codec::XattrSet set = tree_.xattr_sets[tree_.inodes[id].xattrs];
    const std::pair<std::string, std::string> wanted(name, value);
    if (std::ranges::find(set, wanted) != set.end()) return;
    set.insert(std::ranges::upper_bound(set, wanted), wanted);
    tree_.inodes[id].xattrs = keep_set(std::move(set));
  }

  std::uint32_t whiteout() {
    if (whiteout_ == 0) {
      whiteout_ = static_cast<std::uint32_t>(tree_.inodes.size());
      tree_.inodes.emplace_back().type = FileType::kCharDevice;
    }
    return whiteout_;
  }

  Result<std::uint32_t> inode_of(const TreeEntry& entry) {
    const auto id = static_cast<std::uint32_t>(tree_.inodes.size());
    if (entry.type != FileType::kDirectory && entry.links > 1) {
      const auto [first, added] = linked_.emplace(std::pair(entry.layer, entry.inode), id);
      if (!added) return first->second;
    }
    codec::ErofsInode& inode = tree_.inodes.emplace_back();
    inode.type = entry.type;
    inode.mode = entry.mode;
    inode.uid = entry.uid;
    inode.gid = entry.gid;
    inode.mtime_sec = entry.mtime_sec;
    inode.mtime_nsec = entry.mtime_nsec;
    inode.size = entry.size;
    inode.xattrs = keep_set(entry.xattrs);
    switch (entry.type) {
      case FileType::kDirectory:
        inode.detail = static_cast<std::uint32_t>(tree_.directories.size());
        tree_.directories.emplace_back();
        break;
      case FileType::kSymlink:
        inode.detail = static_cast<std::uint32_t>(tree_.targets.size());
        tree_.targets.push_back(text_.keep(entry.target));
        break;
      case FileType::kCharDevice:
      case FileType::kBlockDevice:
        inode.data = std::uint64_t{entry.dev_major} << 32 | entry.dev_minor;
        break;
      case FileType::kFile:
        TRY(place_data(entry, inode));
        break;
      case FileType::kFifo:
        break;
    }
    return id;
  }

  Result<> place_data(const TreeEntry& entry, codec::ErofsInode& inode) {
    std::vector<codec::Segment> segments;
    for (const Extent& extent : entry.extents) {
      std::uint64_t start = tar_starts_[entry.layer];
      if (extent.in_index) start = TRY(index_start(entry.layer));
      segments.push_back({extent.offset, extent.length, start + extent.stored_offset});
    }
    if (segments.size() == 1 && segments[0].length == inode.size) {
      inode.data = segments[0].stored_offset;
    } else if (inode.size > 0) {
      inode.detail = static_cast<std::uint32_t>(tree_.segment_lists.size());
      tree_.segment_lists.push_back(std::move(segments));
    }
    return {};
  }

  Result<std::uint64_t> index_start(std::uint32_t layer) {
    if (index_starts_[layer] == kNowhere) {
      const struct stat info = TRY(sys::stat_path(sources_[layer].index_path));
      index_starts_[layer] = next_start_;
      add_device(static_cast<std::uint64_t>(info.st_size));
      indexes_.push_back(layer);
    }
    return index_starts_[layer];
  }

  const std::vector<MergedTree::Source>& sources_;
  const MergedLimits limits_;
  codec::ErofsTree tree_;
  codec::TextArena text_;
  std::vector<Above> above_;
  std::map<codec::XattrSet, std::uint32_t> sets_;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint32_t> linked_;
  std::vector<codec::ErofsDevice> devices_;
  std::vector<std::uint64_t> tar_starts_, index_starts_;
  std::vector<std::uint32_t> indexes_;
  std::uint64_t next_start_ = 0;
  std::uint64_t entries_ = 0;
  std::uint32_t whiteout_ = 0;
};

}  // namespace

Result<MergedIndexInfo> write_merged_index(const std::vector<MergedTree::Source>& sources, bool with_whiteouts,
                                           std::string_view key, int index, const MergedLimits& limits) {
  Grafting grafting(sources, limits);
  {
    MergedTree tree(sources, with_whiteouts);
    TRY(tree.walk([&](const TreeEntry& entry) { return grafting.add(entry); }));
  }
  codec::ErofsOptions options;
  options.uuid = index_uuid(key);
  options.devices = grafting.devices();
  MergedIndexInfo info;
  info.indexes = grafting.indexes();
  const auto read_data = [&](std::uint64_t offset, std::span<std::byte> buffer) -> Result<> {
    // Rare: sparse files with pieces so small that chunks of several are cheaper.
    std::size_t device = 0;
    std::uint64_t start = 0;
    for (std::size_t next = 1; next < options.devices.size(); ++next) {
      const std::uint64_t begin = codec::erofs_data_start(options.devices, next);
      if (begin > offset) break;
      device = next;
      start = begin;
    }
    const std::string& path =
        device < sources.size() ? sources[device].tar_path : sources[info.indexes[device - sources.size()]].index_path;
    const sys::UniqueFd file = TRY(sys::open_file(path, O_RDONLY));
    if (TRY(sys::pread_full(file.get(), buffer, offset - start)) != buffer.size())
      return error(ErrorKind::kCorrupt, "{} ends before byte {}", path, offset - start + buffer.size());
    return {};
  };
  static_cast<IndexInfo&>(info) = TRY(write_index(grafting.tree(), options, read_data, index), "merged index");
  return info;
}

}  // namespace strata::layers
