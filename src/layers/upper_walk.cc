#include "layers/upper_walk.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "sys/entry.h"
#include "sys/file.h"

namespace strata::layers {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

bool is_gone(const Error& error) { return error.error_number() == ENOENT; }

// What overlayfs said in its xattrs; they are taken out.
struct Marks {
  bool opaque = false;
  bool whiteout = false;
};

Result<Marks> take_marks(UpperNode& node, const UpperOptions& options) {
  const std::string prefix = options.user_xattrs ? "user.overlay." : "trusted.overlay.";
  Marks marks;
  for (auto at = node.xattrs.lower_bound(prefix); at != node.xattrs.end() && at->first.starts_with(prefix);) {
    const std::string_view mark = std::string_view(at->first).substr(prefix.size());
    if (mark == "redirect" || mark == "metacopy")
      return error(ErrorKind::kUnsupported, "/{}: overlayfs keeps its data elsewhere ({})", printable(node.path),
                   at->first);
    if (mark == "opaque") marks.opaque = at->second == "y";
    if (mark == "whiteout") marks.whiteout = true;
    at = node.xattrs.erase(at);
  }
  return marks;
}

bool is_whiteout_device(const struct stat& st) { return S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0); }

class Walk {
 public:
  Walk(const UpperOptions& options, UpperVisitor& visitor, DirectoryCursor cursor)
      : options_(options), visitor_(visitor), cursor_(std::move(cursor)) {}

  Result<> run() {
    TRY(descend("", ""));
    while (!frames_.empty()) {
      Frame& frame = frames_.back();
      if (frame.next == frame.names.size()) {
        TRY(visitor_.leave());
        frames_.pop_back();
        if (!frames_.empty()) TRY(cursor_.leave(), "/{}", printable(frames_.back().path));
        continue;
      }
      const std::string name = frame.names[frame.next++];
      const std::string path = frame.path.empty() ? name : frame.path + "/" + name;
      TRY(step(name, path));
    }
    return {};
  }

 private:
  struct Frame {
    std::string path;
    std::vector<std::string> names;
    std::size_t next = 0;
  };

  Result<UpperNode> read_node(const std::string& name, const std::string& path) {
    UpperNode node{.path = path, .name = name};
    node.st = TRY(sys::stat_entry(cursor_.fd(), name), "/{}", printable(path));
    if (is_whiteout_device(node.st)) {
      node.whiteout = true;
      return node;
    }
    node.xattrs = TRY(sys::xattrs_of_entry(cursor_.fd(), name), "/{}", printable(path));
    const Marks marks = TRY(take_marks(node, options_));
    node.opaque = S_ISDIR(node.st.st_mode) && marks.opaque;
    // The form of a whiteout where devices cannot be made (Linux 6.7, nested overlays).
    node.whiteout = S_ISREG(node.st.st_mode) && node.st.st_size == 0 && marks.whiteout;
    return node;
  }

  Result<> step(const std::string& name, const std::string& path) {
    if (options_.left_out.contains(path)) return {};
    auto node = read_node(name, path);
    if (!node) return is_gone(node.error()) ? Result<>() : std::move(node).take_error();
    if (!S_ISDIR(node->st.st_mode)) {
      auto visited = visitor_.visit(cursor_.fd(), *node);
      return !visited && is_gone(visited.error()) ? Result<>() : visited;
    }
    auto entered = cursor_.enter(name);
    if (!entered && is_gone(entered.error())) return {};
    TRY(std::move(entered), "/{}", printable(path));
    return descend(name, path);
  }

  // The cursor stands in the directory.
  Result<> descend(const std::string& name, const std::string& path) {
    UpperNode node = TRY(read_node("", path));
    node.name = name;
    Frame frame{.path = path, .names = TRY(sys::list_directory(cursor_.fd()), "/{}", printable(path))};
    std::sort(frame.names.begin(), frame.names.end());
    TRY(visitor_.enter(cursor_.fd(), node, frame.names));
    frames_.push_back(std::move(frame));
    return {};
  }

  const UpperOptions& options_;
  UpperVisitor& visitor_;
  DirectoryCursor cursor_;
  std::vector<Frame> frames_;
};

}  // namespace

Result<DirectoryCursor> DirectoryCursor::open(int root, bool checked) {
  DirectoryCursor cursor(checked);
  cursor.fd_ = TRY(sys::open_at(root, ".", kDirectoryFlags));
  return cursor;
}

Result<> DirectoryCursor::enter(const std::string& name) {
  const struct stat here = TRY(sys::stat_fd(fd_.get()));
  sys::UniqueFd below = TRY(sys::open_at(fd_.get(), name, kDirectoryFlags));
  above_.emplace_back(here.st_dev, here.st_ino);
  fd_ = std::move(below);
  return {};
}

Result<> DirectoryCursor::leave() {
  auto opened = sys::open_at(fd_.get(), "..", kDirectoryFlags);
  if (!opened && is_gone(opened.error()))
    return error(ErrorKind::kConflict, "a directory was removed while it was read");
  sys::UniqueFd above = TRY(std::move(opened));
  const struct stat st = TRY(sys::stat_fd(above.get()));
  if (checked_ && above_.back() != std::pair(st.st_dev, st.st_ino))
    return error(ErrorKind::kConflict, "a directory was moved while it was read");
  above_.pop_back();
  fd_ = std::move(above);
  return {};
}

Result<> walk_upper(int upper, const UpperOptions& options, UpperVisitor& visitor) {
  return Walk(options, visitor, TRY(DirectoryCursor::open(upper, !options.merged))).run();
}

}  // namespace strata::layers
