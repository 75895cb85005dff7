#include "layers/layer_tree.h"

#include <algorithm>
#include <utility>

#include "base/strings.h"
#include "codec/erofs_writer.h"
#include "codec/erofs_xattrs.h"
#include "layers/acl.h"

namespace strata::layers {
namespace {

using codec::FileType;
using codec::TarEntry;

constexpr std::string_view kWhiteout = ".wh.";
constexpr std::string_view kWhiteoutMeta = ".wh..wh.";
constexpr std::string_view kOpaque = ".wh..wh..opq";
constexpr std::size_t kMaxName = 255;     // NAME_MAX, and EROFS's
constexpr std::size_t kMaxTarget = 4095;  // PATH_MAX without its NUL
constexpr int kMaxSymlinks = 40;          // as the kernel's MAXSYMLINKS

std::string quoted(std::string_view path) {
  constexpr std::size_t kShown = 200;
  if (path.size() > kShown) return "'" + printable(path.substr(0, kShown)) + "…'";
  return "'" + printable(path) + "'";
}

// "a/./b/../c//" is a, c; never above the root.
std::vector<std::string_view> clean_components(std::string_view path) {
  std::vector<std::string_view> components;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!components.empty()) components.pop_back();
    } else {
      components.push_back(part);
    }
  }
  return components;
}

FileType file_type(TarEntry::Type type) {
  switch (type) {
    case TarEntry::Type::kFile:
    case TarEntry::Type::kHardLink:
      return FileType::kFile;
    case TarEntry::Type::kSymlink:
      return FileType::kSymlink;
    case TarEntry::Type::kCharDevice:
      return FileType::kCharDevice;
    case TarEntry::Type::kBlockDevice:
      return FileType::kBlockDevice;
    case TarEntry::Type::kDirectory:
      return FileType::kDirectory;
    case TarEntry::Type::kFifo:
      return FileType::kFifo;
  }
  return FileType::kFile;
}

}  // namespace

LayerTree::LayerTree(TreeLimits limits) : limits_(limits) {
  sets_.emplace(codec::XattrSet{}, 0);
  (void)new_directory(*new_inode(FileType::kDirectory));
}

Result<> LayerTree::charge(std::uint64_t bytes) {
  memory_ += bytes;
  if (memory_ > limits_.max_metadata)
    return error(ErrorKind::kResourceExhausted,
                 "the layer's names and attributes take more memory than the limit of {} bytes", limits_.max_metadata);
  return {};
}

Result<LayerTree::InodeId> LayerTree::new_inode(FileType type) {
  // Two times, for the room a growing vector leaves.
  TRY(charge(2 * sizeof(codec::ErofsInode)));
  codec::ErofsInode inode;
  inode.type = type;
  tree_.inodes.push_back(inode);
  return static_cast<InodeId>(tree_.inodes.size() - 1);
}

Result<std::uint32_t> LayerTree::new_directory(InodeId inode) {
  TRY(charge(2 * (sizeof(Directory) + sizeof(std::vector<codec::ErofsEntry>))));
  const auto id = static_cast<std::uint32_t>(directories_.size());
  tree_.directories.emplace_back();
  directories_.emplace_back().inode = inode;
  tree_.inodes[inode].detail = id;
  tree_.inodes[inode].mode = 0755;
  return id;
}

LayerTree::Name* LayerTree::find_name(std::uint32_t directory, std::string_view name) {
  const auto name_at = [&](std::uint32_t d, std::uint32_t p) { return tree_.directories[d][p].name; };
  const std::int64_t position = table_.find(directory, name, name_at);
  return position < 0 ? nullptr : &directories_[directory].names[static_cast<std::size_t>(position)];
}

Result<LayerTree::Name*> LayerTree::name_in(std::uint32_t directory, std::string_view name) {
  if (Name* known = find_name(directory, name)) return known;
  if (name.size() > kMaxName)
    return error(ErrorKind::kResourceExhausted, "{}: a name of {} bytes, the limit is {}", quoted(name), name.size(),
                 kMaxName);
  if (++entries_ > limits_.max_entries)
    return error(ErrorKind::kResourceExhausted, "the layer has more than {} entries, which is the limit",
                 limits_.max_entries);
  TRY(charge(name.size() + 2 * (sizeof(codec::ErofsEntry) + sizeof(Name) + 2 * sizeof(NameTable::Slot))));
  const std::string_view kept = text_.keep(name);
  auto& entries = tree_.directories[directory];
  entries.push_back({kept, kNone});
  directories_[directory].names.emplace_back();
  const auto name_at = [&](std::uint32_t d, std::uint32_t p) { return tree_.directories[d][p].name; };
  table_.insert(directory, static_cast<std::uint32_t>(entries.size() - 1), kept, name_at);
  return &directories_[directory].names.back();
}

// The directory that the components lead to, symlinks of this layer followed.
Result<std::uint32_t> LayerTree::walk(std::vector<std::string_view> components, bool create) {
  std::reverse(components.begin(), components.end());  // what is left to do, next at the end
  std::vector<std::uint32_t> above;
  std::uint32_t at = 0;
  int symlinks = 0;
  while (!components.empty()) {
    const std::string_view name = components.back();
    components.pop_back();
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      at = above.empty() ? 0 : above.back();
      if (!above.empty()) above.pop_back();
      continue;
    }
    if (name.starts_with(kWhiteout))
      return error(ErrorKind::kCorrupt, "{} is a whiteout and cannot hold files", quoted(name));
    Name* entry = find_name(at, name);
    if (entry == nullptr || entry->inode == kNone) {
      if (!create) return error(ErrorKind::kNotFound, "{} is not there", quoted(name));
      const InodeId inode = TRY(new_inode(FileType::kDirectory));
      const std::uint32_t directory = TRY(new_directory(inode));
      TRY(name_in(at, name))->inode = inode;
      above.push_back(at);
      at = directory;
      continue;
    }
    const codec::ErofsInode& inode = tree_.inodes[entry->inode];
    if (inode.type == FileType::kDirectory) {
      above.push_back(at);
      at = inode.detail;
    } else if (inode.type == FileType::kSymlink) {
      if (++symlinks > kMaxSymlinks)
        return error(ErrorKind::kCorrupt, "{}: more than {} symlinks", quoted(name), kMaxSymlinks);
      const std::string_view target = tree_.targets[inode.detail];
      if (target.starts_with('/')) {
        above.clear();
        at = 0;
      }
      std::vector<std::string_view> parts = split(target, '/');
      components.insert(components.end(), parts.rbegin(), parts.rend());
    } else {
      return error(ErrorKind::kCorrupt, "{} is not a directory", quoted(name));
    }
  }
  return at;
}

Result<LayerTree::Parent> LayerTree::find_parent(std::string_view path, bool create) {
  while (path.ends_with('/')) path.remove_suffix(1);
  const std::size_t slash = path.rfind('/');
  const std::string_view before = slash == std::string_view::npos ? "" : path.substr(0, slash);
  const std::string_view base = slash == std::string_view::npos ? path : path.substr(slash + 1);
  const bool plain = !base.empty() && base != "." && base != "..";
  if (plain && last_directory_ != kNone && before == last_parent_) return Parent{last_directory_, base};
  std::vector<std::string_view> components = clean_components(path);
  if (components.empty()) return Parent{0, ""};
  const std::string_view last = components.back();
  components.pop_back();
  const std::uint32_t directory = TRY(walk(std::move(components), create));
  if (plain) {
    last_parent_ = before;
    last_directory_ = directory;
  }
  return Parent{directory, last};
}

Result<> LayerTree::add(const TarEntry& entry) {
  const auto context = [&](Error failed) { return std::move(failed).with_context("entry " + quoted(entry.path)); };
  Result<Parent> parent = Parent{};
  if (std::string_view(entry.path).find(kWhiteoutMeta) != std::string_view::npos) {
    // AUFS's own files, wherever they are, mean nothing here.
    for (const std::string_view part : split(entry.path, '/'))
      if (part.starts_with(kWhiteoutMeta) && part != kOpaque) return {};
  }
  parent = find_parent(entry.path, true);
  if (!parent) return context(std::move(parent).take_error());
  const auto [directory, base] = *parent;
  if (base.empty()) {
    if (entry.type != TarEntry::Type::kDirectory)
      return context(error(ErrorKind::kCorrupt, "the root of a layer must be a directory"));
    directories_[0].implied = false;
    Result<> filled = fill(0, entry);
    return filled ? std::move(filled) : context(std::move(filled).take_error());
  }
  Result<> done;
  if (base.starts_with(kWhiteout)) {
    done = add_whiteout(directory, base);
  } else if (entry.type == TarEntry::Type::kCharDevice && entry.dev_major == 0 && entry.dev_minor == 0) {
    done = [&]() -> Result<> {
      TRY(name_in(directory, base))->hides_lower = true;
      return {};
    }();
  } else if (entry.type == TarEntry::Type::kHardLink) {
    done = add_link(entry);
  } else {
    done = [&]() -> Result<> {
      const FileType type = file_type(entry.type);
      Name* name = TRY(name_in(directory, base));
      if (name->inode != kNone) {
        const codec::ErofsInode& old = tree_.inodes[name->inode];
        if (type == FileType::kDirectory && old.type == FileType::kDirectory) {
          directories_[old.detail].implied = false;
          return fill(name->inode, entry);
        }
        last_directory_ = kNone;  // it may have led through the old one
      }
      const InodeId inode = TRY(new_inode(type));
      if (type == FileType::kDirectory) directories_[TRY(new_directory(inode))].implied = false;
      name->inode = inode;
      return fill(inode, entry);
    }();
  }
  return done ? std::move(done) : context(std::move(done).take_error());
}

Result<> LayerTree::add_whiteout(std::uint32_t directory, std::string_view base) {
  if (base == kOpaque) {
    directories_[directory].opaque = true;
    return {};
  }
  base.remove_prefix(kWhiteout.size());
  if (base.empty() || base == "." || base == "..") return error(ErrorKind::kCorrupt, "a whiteout of no file");
  TRY(name_in(directory, base))->hides_lower = true;
  return {};
}

Result<> LayerTree::add_link(const TarEntry& entry) {
  const auto missing = [&] {
    return error(ErrorKind::kCorrupt, "hard link to {}, which this layer does not hold", quoted(entry.link_target));
  };
  std::vector<std::string_view> components = clean_components(entry.link_target);
  if (components.empty()) return missing();
  const std::string_view last = components.back();
  components.pop_back();
  const Result<std::uint32_t> holder = walk(std::move(components), false);
  if (!holder) return missing();
  const Name* target = find_name(*holder, last);
  if (target == nullptr || target->inode == kNone) return missing();
  const InodeId inode = target->inode;
  if (tree_.inodes[inode].type == FileType::kDirectory)
    return error(ErrorKind::kCorrupt, "hard link to the directory {}", quoted(entry.link_target));
  const auto [directory, base] = TRY(find_parent(entry.path, true));
  Name* name = TRY(name_in(directory, base));
  if (name->inode != kNone && name->inode != inode) last_directory_ = kNone;
  name->inode = inode;
  return {};
}

Result<> LayerTree::fill(InodeId id, const TarEntry& entry) {
  if (entry.uid == 0xFFFFFFFF || entry.gid == 0xFFFFFFFF)
    return error(ErrorKind::kCorrupt, "4294967295 is no id of a user or group");
  auto mode = static_cast<std::uint16_t>(entry.mode & 07777);
  const FileType type = tree_.inodes[id].type;
  const std::uint32_t xattrs = entry.xattrs.empty() ? 0 : TRY(keep_xattrs(type, entry.xattrs, mode));
  codec::ErofsInode& inode = tree_.inodes[id];
  inode.mode = type == FileType::kSymlink ? 0777 : mode;
  inode.uid = entry.uid;
  inode.gid = entry.gid;
  inode.mtime_sec = entry.mtime_sec;
  inode.mtime_nsec = entry.mtime_nsec;
  inode.xattrs = xattrs;
  switch (type) {
    case FileType::kFile: {
      if (entry.size > codec::kErofsMaxFile)
        return error(ErrorKind::kResourceExhausted, "a file of {} bytes, the limit is {}", entry.size,
                     codec::kErofsMaxFile);
      inode.size = entry.size;
      inode.data = entry.data_offset;
      const bool aligned = entry.data_offset % codec::kErofsBlock == 0;
      if (entry.sparse || (!aligned && entry.size > 0)) {
        std::vector<codec::Segment> segments = entry.segments;
        if (!entry.sparse) segments = {{0, entry.size, entry.data_offset}};
        TRY(charge(segments.size() * sizeof(codec::Segment) + sizeof segments));
        inode.detail = static_cast<std::uint32_t>(tree_.segment_lists.size());
        tree_.segment_lists.push_back(std::move(segments));
      }
      break;
    }
    case FileType::kSymlink:
      if (entry.link_target.empty()) return error(ErrorKind::kCorrupt, "a symlink to nothing");
      if (entry.link_target.size() > kMaxTarget)
        return error(ErrorKind::kResourceExhausted, "a symlink's target of {} bytes, the limit is {}",
                     entry.link_target.size(), kMaxTarget);
      TRY(charge(entry.link_target.size() + 2 * sizeof(std::string_view)));
      inode.detail = static_cast<std::uint32_t>(tree_.targets.size());
      tree_.targets.push_back(text_.keep(entry.link_target));
      break;
    case FileType::kCharDevice:
    case FileType::kBlockDevice:
      if (entry.dev_major >= 1u << 12 || entry.dev_minor >= 1u << 20)
        return error(ErrorKind::kCorrupt, "{}:{} is no device number", entry.dev_major, entry.dev_minor);
      inode.data = std::uint64_t{entry.dev_major} << 32 | entry.dev_minor;
      break;
    default:
      break;
  }
  return {};
}

Result<std::uint32_t> LayerTree::keep_xattrs(FileType type, const std::map<std::string, std::string>& xattrs,
                                             std::uint16_t& mode) {
  codec::XattrSet set;
  for (const auto& [name, value] : xattrs) {
    if (name.starts_with("trusted.overlay.")) continue;
    if (!codec::erofs_can_hold_xattr(name, value.size())) continue;
    const bool plain = type == FileType::kFile || type == FileType::kDirectory;
    if (name.starts_with("user.") && !plain) continue;
    if (name == "system.posix_acl_default") {
      const auto effect = effect_of_acl(value);
      if (type != FileType::kDirectory || !effect) continue;
    }
    if (name == "system.posix_acl_access") {
      const auto effect = effect_of_acl(value);
      if (type == FileType::kSymlink || !effect) continue;
      mode = static_cast<std::uint16_t>((mode & 07000) | effect->mode);
      if (!effect->kept) continue;
    }
    set.emplace_back(name, value);
  }
  if (codec::erofs_xattr_size(set) > codec::kErofsMaxXattrs)
    return error(ErrorKind::kResourceExhausted, "extended attributes of more than {} bytes, which is the limit",
                 codec::kErofsMaxXattrs);
  if (!sets_.contains(set)) {
    std::uint64_t bytes = 0;
    for (const auto& [name, value] : set) bytes += 2 * (name.size() + value.size() + 64);
    TRY(charge(bytes));
  }
  return keep_set(std::move(set));
}

std::uint32_t LayerTree::keep_set(codec::XattrSet set) {
  const auto [place, added] = sets_.emplace(std::move(set), static_cast<std::uint32_t>(tree_.xattr_sets.size()));
  if (added) tree_.xattr_sets.push_back(place->first);
  return place->second;
}

}  // namespace strata::layers
