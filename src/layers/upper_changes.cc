
#include <algorithm>
#include <cerrno>
#include <optional>

#include "layers/upper_tar.h"
#include "layers/upper_walk.h"
#include "sys/entry.h"
#include "sys/file.h"

namespace strata::layers {
namespace {

bool same_attributes(const struct stat& a, const struct stat& b) {
  return a.st_mode == b.st_mode && a.st_uid == b.st_uid && a.st_gid == b.st_gid &&
         a.st_mtim.tv_sec == b.st_mtim.tv_sec && a.st_mtim.tv_nsec == b.st_mtim.tv_nsec;
}

class ChangesVisitor final : public UpperVisitor {
 public:
  explicit ChangesVisitor(DirectoryCursor lower) : lower_(std::move(lower)) {}

  Result<> enter(int, const UpperNode& node, const std::vector<std::string>& names) override {
    Frame frame{.path = node.path, .opaque = node.opaque};
    if (frames_.empty()) {
      frame.in_lower = frame.noted = true;  // the root itself is never named
    } else {
      note_hidden_before(node.name);
      const auto below = TRY(lower_entry(node.name));
      frame.in_lower = below && S_ISDIR(below->st_mode);
      frame.opaque = node.opaque || frames_.back().opaque;
      frame.noted = !frame.in_lower || !same_attributes(node.st, *below);
      if (frame.noted) note(below ? Change::Kind::kChanged : Change::Kind::kAdded, node.path);
      if (frame.in_lower) TRY(lower_.enter(node.name));
    }
    if (frame.in_lower && frame.opaque) {
      frame.hidden = TRY(sys::list_directory(lower_.fd()));
      std::erase_if(frame.hidden,
                    [&](const std::string& name) { return std::binary_search(names.begin(), names.end(), name); });
      std::sort(frame.hidden.begin(), frame.hidden.end());
    }
    frames_.push_back(std::move(frame));
    return {};
  }

  Result<> leave() override {
    Frame& frame = frames_.back();
    while (frame.next_hidden < frame.hidden.size()) note_hidden(frame);
    const bool entered = frame.in_lower;
    frames_.pop_back();
    if (entered && !frames_.empty()) TRY(lower_.leave());
    return {};
  }

  Result<> visit(int, const UpperNode& node) override {
    note_hidden_before(node.name);
    const auto below = TRY(lower_entry(node.name));
    if (!node.whiteout)
      note(below ? Change::Kind::kChanged : Change::Kind::kAdded, node.path);
    else if (below)
      note(Change::Kind::kDeleted, node.path);
    return {};
  }

  std::vector<Change> finish() { return std::move(changes_); }

 private:
  struct Frame {
    std::string path;
    bool in_lower = false;  // as a directory; the lower cursor stands in it
    bool opaque = false;    // itself or one above: nothing of the lower shows through
    bool noted = false;
    std::vector<std::string> hidden = {};  // the lower directory's names that are not seen any more, sorted
    std::size_t next_hidden = 0;
  };

  // What the lower root file system has under this name of the current directory.
  Result<std::optional<struct stat>> lower_entry(const std::string& name) {
    if (!frames_.back().in_lower) return std::nullopt;
    auto st = sys::stat_entry(lower_.fd(), name);
    if (st) return *st;
    if (st.error().error_number() == ENOENT) return std::nullopt;
    return std::move(st).take_error();
  }

  void note_hidden(Frame& frame) {
    const std::string prefix = frame.path.empty() ? "" : frame.path + "/";
    note(Change::Kind::kDeleted, prefix + frame.hidden[frame.next_hidden++]);
  }

  void note_hidden_before(const std::string& name) {
    Frame& frame = frames_.back();
    while (frame.next_hidden < frame.hidden.size() && frame.hidden[frame.next_hidden] < name) note_hidden(frame);
  }

  // The directories above a change are changed. When one is noted, all above it are.
  void note(Change::Kind kind, const std::string& path) {
    const auto first = std::find_if(frames_.begin(), frames_.end(), [](const Frame& f) { return !f.noted; });
    for (auto frame = first; frame != frames_.end(); ++frame) {
      frame->noted = true;
      changes_.push_back({Change::Kind::kChanged, "/" + frame->path});
    }
    changes_.push_back({kind, "/" + path});
  }

  DirectoryCursor lower_;
  std::vector<Frame> frames_;
  std::vector<Change> changes_;
};

}  // namespace

char letter(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::kChanged:
      return 'C';
    case Change::Kind::kAdded:
      return 'A';
    case Change::Kind::kDeleted:
      return 'D';
  }
  return '?';
}

Result<std::vector<Change>> list_upper_changes(int upper, int lower, const UpperOptions& options) {
  ChangesVisitor visitor(TRY(DirectoryCursor::open(lower, false), "lower"));
  TRY(walk_upper(upper, options, visitor));
  return visitor.finish();
}

}  // namespace strata::layers
