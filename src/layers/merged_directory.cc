#include "layers/merged_directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "sys/file.h"
#include "sys/new_entry.h"

namespace strata::layers {
namespace {

using codec::FileType;

constexpr std::size_t kMaxPath = 4000;
constexpr int kFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW;

// Where the index has directories, the directory form has them too: no symlink can be met.
Result<sys::UniqueFd> open_below(int root, std::string_view path) {
  sys::UniqueFd at;
  while (path.size() > kMaxPath) {
    const std::size_t slash = path.rfind('/', kMaxPath);
    at = TRY(sys::open_at(at ? at.get() : root, std::string(path.substr(0, slash)), kFlags));
    path.remove_prefix(slash + 1);
  }
  return sys::open_at(at ? at.get() : root, path.empty() ? "." : std::string(path), kFlags);
}

class Forest {
 public:
  Forest(std::vector<sys::UniqueFd> roots, int directory) : roots_(std::move(roots)), directory_(directory) {
    from_.resize(roots_.size());
  }

  Result<> add(const TreeEntry& entry) {
    if (entry.path.empty()) return finish_later(entry);
    const std::size_t slash = entry.path.rfind('/');
    const std::string_view parent = slash == std::string_view::npos ? "" : entry.path.substr(0, slash);
    const std::string name(entry.path.substr(slash == std::string_view::npos ? 0 : slash + 1));
    const int to = TRY(enter(to_, directory_, parent));
    if (entry.type == FileType::kDirectory) {
      TRY(sys::make_directory_entry(to, name, 0700));
      return finish_later(entry);
    }
    if (entry.whiteout) {
      for (std::size_t i = unfinished_.size(); i-- > 0;)
        if (unfinished_[i].path == parent) {
          unfinished_[i].whiteouts = true;
          break;
        }
      return sys::make_node_entry(to, name, S_IFCHR, 0, 0);
    }
    return sys::make_link_entry(TRY(enter(from_[entry.layer], roots_[entry.layer].get(), parent)), name, to, name);
  }

  // Deepest first: a directory's time changes with what is put into it, and its mode may close it.
  Result<std::uint64_t> finish() {
    while (!unfinished_.empty()) TRY(finish_one());
    return bytes_;
  }

 private:
  // A directory that is open, because the next entry is in it most of the time.
  struct Opened {
    std::string path;
    sys::UniqueFd directory;
  };
  struct Unfinished {
    std::string path;
    TreeEntry entry;
    bool whiteouts = false;
  };

  Result<int> enter(Opened& opened, int root, std::string_view path) {
    if (!opened.directory || opened.path != path) {
      opened.directory = TRY(open_below(root, path));
      opened.path = path;
    }
    return opened.directory.get();
  }

  // Those on the way down wait; when the walk has left one, all is in it.
  Result<> finish_later(const TreeEntry& entry) {
    while (!unfinished_.empty() && !is_above(unfinished_.back().path, entry.path)) TRY(finish_one());
    unfinished_.push_back({std::string(entry.path), entry, false});
    unfinished_.back().entry.path = {};
    return {};
  }

  static bool is_above(std::string_view directory, std::string_view path) {
    return directory.empty() ||
           (path.size() > directory.size() && path.starts_with(directory) && path[directory.size()] == '/');
  }

  Result<> finish_one() {
    const Unfinished& last = unfinished_.back();
    const TreeEntry& entry = last.entry;
    const sys::UniqueFd directory = TRY(open_below(directory_, last.path));
    const auto xattr = [&](const std::string& name, std::string_view value) {
      return sys::set_directory_xattr(directory.get(), name, value);
    };
    TRY(sys::set_entry_owner(directory.get(), ".", entry.uid, entry.gid));
    TRY(sys::set_entry_mode(directory.get(), ".", entry.mode));
    for (const auto& [name, value] : entry.xattrs) TRY(xattr(name, value));
    if (entry.opaque) TRY(xattr("trusted.overlay.opaque", "y"));
    if (last.whiteouts) TRY(xattr("trusted.overlay.origin", ""));
    TRY(sys::set_entry_time(directory.get(), ".", entry.mtime_sec, entry.mtime_nsec));
    bytes_ += static_cast<std::uint64_t>(TRY(sys::stat_fd(directory.get())).st_blocks) * 512;
    unfinished_.pop_back();
    return {};
  }

  std::vector<sys::UniqueFd> roots_;
  int directory_;
  Opened to_;
  std::vector<Opened> from_;
  std::vector<Unfinished> unfinished_;
  std::uint64_t bytes_ = 0;
};

}  // namespace

Result<std::uint64_t> write_merged_directory(const std::vector<MergedTree::Source>& sources,
                                             const std::vector<std::string>& roots, bool with_whiteouts,
                                             int directory) {
  std::vector<sys::UniqueFd> opened;
  for (const std::string& root : roots) opened.push_back(TRY(sys::open_file(root, kFlags)));
  Forest forest(std::move(opened), directory);
  MergedTree tree(sources, with_whiteouts);
  TRY(tree.walk([&](const TreeEntry& entry) { return forest.add(entry); }));
  return forest.finish();
}

}  // namespace strata::layers
