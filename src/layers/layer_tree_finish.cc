// The names that the entries left behind become directories as overlayfs wants them: whiteouts, opaque marks, link
// counts, and which attributes are to come from the layers below.
#include <algorithm>
#include <utility>

#include "codec/erofs_writer.h"
#include "codec/erofs_xattrs.h"
#include "layers/layer_tree.h"

namespace strata::layers {
namespace {

using codec::FileType;

constexpr std::uint64_t kMaxImpliedText = 2 << 20;  // about half a report (worker_protocol.h)

}  // namespace

Result<> LayerTree::finish(const std::map<std::string, DirectoryAttributes>& implied_attributes) {
  struct Visit {
    std::uint32_t directory;
    bool hidden;  // something above hides what the layers below have here
  };
  directories_[0].name = "";
  std::vector<Visit> stack{{0, false}};
  while (!stack.empty()) {
    const auto [id, hidden_above] = stack.back();
    stack.pop_back();
    const bool hidden = hidden_above || directories_[id].opaque;
    if (hidden_above) directories_[id].opaque = false;  // said already
    collect_entries(id, hidden);
    if (directories_[id].implied && !directories_[id].no_inheritance) TRY(note_implied(id));
    const auto& entries = tree_.directories[id];
    for (auto entry = entries.rbegin(); entry != entries.rend(); ++entry) {
      const codec::ErofsInode& inode = tree_.inodes[entry->inode];
      if (inode.type != FileType::kDirectory) continue;
      directories_[inode.detail].parent = id;
      directories_[inode.detail].name = entry->name;
      directories_[inode.detail].no_inheritance |= hidden;
      stack.push_back({inode.detail, hidden});
    }
  }
  for (const ImpliedParent& parent : implied_) {
    const auto found = implied_attributes.find(parent.path);
    if (found == implied_attributes.end()) continue;
    const DirectoryAttributes& wanted = found->second;
    codec::ErofsInode& inode = tree_.inodes[parent.inode];
    inode.mode = wanted.mode & 07777;
    inode.uid = wanted.uid;
    inode.gid = wanted.gid;
    inode.mtime_sec = wanted.mtime_sec;
    inode.mtime_nsec = wanted.mtime_nsec;
    codec::XattrSet set = tree_.xattr_sets[inode.xattrs];  // the overlay's own
    for (const auto& xattr : wanted.xattrs)
      if (codec::erofs_can_hold_xattr(xattr.first, xattr.second.size())) set.push_back(xattr);
    std::sort(set.begin(), set.end());
    if (codec::erofs_xattr_size(set) <= codec::kErofsMaxXattrs) inode.xattrs = keep_set(std::move(set));
  }
  directories_.shrink_to_fit();
  return {};
}

// Turns the names of a directory into its final, sorted entries; counts links.
void LayerTree::collect_entries(std::uint32_t id, bool hidden) {
  Directory& directory = directories_[id];
  std::vector<codec::ErofsEntry>& entries = tree_.directories[id];
  std::size_t kept = 0;
  std::uint32_t subdirectories = 0;
  bool whiteouts = false;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Name name = directory.names[i];
    InodeId inode = name.inode;
    if (inode == kNone) {
      if (!name.hides_lower || hidden) continue;
      if (whiteout_ == kNone) {
        whiteout_ = static_cast<InodeId>(tree_.inodes.size());
        tree_.inodes.emplace_back().type = FileType::kCharDevice;
      }
      inode = whiteout_;
      whiteouts = true;
    }
    codec::ErofsInode& target = tree_.inodes[inode];
    if (target.type == FileType::kDirectory) {
      ++subdirectories;
      if (name.hides_lower) {
        directories_[target.detail].opaque = true;
        directories_[target.detail].no_inheritance = true;
      }
    } else {
      ++target.nlink;
    }
    entries[kept++] = {entries[i].name, inode};
  }
  entries.resize(kept);
  std::vector<Name>().swap(directory.names);
  std::sort(entries.begin(), entries.end(),
            [](const codec::ErofsEntry& a, const codec::ErofsEntry& b) { return a.name < b.name; });
  codec::ErofsInode& inode = tree_.inodes[directory.inode];
  inode.nlink = 2 + subdirectories;
  if (directory.opaque || whiteouts) {
    codec::XattrSet set = tree_.xattr_sets[inode.xattrs];
    if (directory.opaque) set.emplace_back("trusted.overlay.opaque", "y");
    // Else overlayfs takes the directory for one without whiteouts, and readdir shows them.
    if (whiteouts) set.emplace_back("trusted.overlay.origin", "");
    std::sort(set.begin(), set.end());
    inode.xattrs = keep_set(std::move(set));
  }
}

Result<> LayerTree::note_implied(std::uint32_t id) {
  std::vector<std::string_view> names;
  std::uint64_t size = 32;  // what a report says besides the name
  for (std::uint32_t at = id; at != 0; at = directories_[at].parent) {
    names.push_back(directories_[at].name);
    size += directories_[at].name.size() + 1;
    // A depth of 30,000 is 30,000 long names: each walk up must end early, too.
    if (implied_text_ + size > kMaxImpliedText)
      return error(ErrorKind::kResourceExhausted,
                   "the directories that the layer leaves out have names of more than {} bytes, which is the limit",
                   kMaxImpliedText);
  }
  implied_text_ += size;
  ImpliedParent& parent = implied_.emplace_back();
  parent.inode = directories_[id].inode;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (!parent.path.empty()) parent.path += '/';
    parent.path += *name;
  }
  return {};
}

}  // namespace strata::layers
