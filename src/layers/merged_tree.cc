#include "layers/merged_tree.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "base/strings.h"
#include "codec/erofs_reader.h"
#include "sys/file.h"

namespace strata::layers {
namespace {

using codec::FileType;

// The layers' files, opened when they are read; of too many the one that was not used for longest is closed.
class OpenFiles {
 public:
  Result<int> get(std::uint32_t layer, bool index, const std::string& path) {
    Open* oldest = nullptr;
    for (Open& open : open_) {
      if (open.layer == layer && open.index == index) {
        open.used = ++clock_;
        return open.file.get();
      }
      if (oldest == nullptr || open.used < oldest->used) oldest = &open;
    }
    sys::UniqueFd file = TRY(sys::open_file(path, O_RDONLY));
    if (open_.size() < MergedTree::kMaxOpenFiles) {
      open_.push_back({layer, index, std::move(file), ++clock_});
      return open_.back().file.get();
    }
    *oldest = {layer, index, std::move(file), ++clock_};
    return oldest->file.get();
  }

 private:
  struct Open {
    std::uint32_t layer = 0;
    bool index = false;
    sys::UniqueFd file;
    std::uint64_t used = 0;
  };
  std::vector<Open> open_;
  std::uint64_t clock_ = 0;
};

// Where one layer has something.
struct Place {
  std::uint32_t layer = 0;
  std::uint64_t number = 0;
  std::uint64_t parent = 0;  // of a directory: the number of the one that it was found in
};

struct Child {
  std::string name;
  FileType type = FileType::kFile;
  bool whiteout = false;
  bool opaque = false;
  std::vector<Place> places;  // of a directory all that make it up, the uppermost first; else one
};

}  // namespace

struct MergedTree::Impl {
  class Index final : public codec::ErofsSource {
   public:
    Index(Impl& owner, std::uint32_t layer) : owner_(owner), layer_(layer) {}
    Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) override {
      return sys::pread_full(TRY(owner_.open(layer_, true)), buffer, offset);
    }

   private:
    Impl& owner_;
    std::uint32_t layer_;
  };
  struct Layer {
    Source source;
    std::unique_ptr<Index> index;
    std::optional<codec::ErofsReader> reader;
  };

  std::vector<Layer> layers;
  bool with_whiteouts;
  OpenFiles files;
  std::set<std::string_view> implied;
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::string> first_names;
  std::uint64_t link_text = 0;
  std::string path;

  Result<int> open(std::uint32_t layer, bool index) {
    const Source& source = layers[layer].source;
    return TRY(files.get(layer, index, index ? source.index_path : source.tar_path), "layer {}", source.name);
  }

  Result<codec::ErofsReader*> reader(std::uint32_t number) {
    Layer& layer = layers[number];
    if (!layer.reader) {
      layer.index = std::make_unique<Index>(*this, number);
      const struct stat info = TRY(sys::stat_fd(TRY(open(number, true))));
      layer.reader.emplace(
          TRY(codec::ErofsReader::open(*layer.index, static_cast<std::uint64_t>(info.st_size), layer.source.tar_size),
              "layer {}", layer.source.name));
    }
    return &*layer.reader;
  }

  static bool is_opaque(const codec::XattrSet& xattrs) {
    return std::ranges::any_of(xattrs, [](const auto& x) { return x.first == "trusted.overlay.opaque"; });
  }

  // From the candidates for one name, uppermost layer first: what a container sees, or nullopt.
  Result<std::optional<Child>> merge_name(std::string name, std::span<const std::pair<Place, FileType>> candidates) {
    Child child;
    child.name = std::move(name);
    for (const auto& [place, type] : candidates) {
      codec::ErofsReader& index = *TRY(reader(place.layer));
      if (type != FileType::kDirectory) {
        if (!child.places.empty()) {
          child.opaque = true;  // a directory hides what is no directory, and all below that
          break;
        }
        if (type == FileType::kCharDevice) {
          const codec::ErofsNode node = TRY(index.node(place.number));
          child.whiteout = node.dev_major == 0 && node.dev_minor == 0;
          if (child.whiteout && !with_whiteouts) return std::nullopt;
        }
        child.type = type;
        child.places.push_back(place);
        break;
      }
      child.type = FileType::kDirectory;
      child.places.push_back(place);
      child.opaque = is_opaque(TRY(index.xattrs(TRY(index.node(place.number)))));
      if (child.opaque) break;
    }
    return child;
  }

  Result<std::vector<Child>> children_of(const Child& directory) {
    struct Found {
      std::string name;
      std::size_t order;
      Place place;
      FileType type;
    };
    std::vector<Found> found;
    for (const Place& at : directory.places) {
      codec::ErofsReader& index = *TRY(reader(at.layer));
      const auto names = index.directory(TRY(index.node(at.number)), at.parent);
      if (!names) return names.error().with_context("layer " + layers[at.layer].source.name);
      for (auto& name : *names)
        found.push_back({name.name, found.size(), Place{at.layer, name.number, at.number}, name.type});
    }
    if (directory.places.size() > 1)
      std::ranges::sort(found, [](const Found& a, const Found& b) {
        const int order = a.name.compare(b.name);
        return order != 0 ? order < 0 : a.order < b.order;
      });
    std::vector<Child> children;
    std::vector<std::pair<Place, FileType>> candidates;
    for (std::size_t i = 0; i < found.size();) {
      candidates.clear();
      std::size_t end = i;
      for (; end < found.size() && found[end].name == found[i].name; ++end)
        candidates.emplace_back(found[end].place, found[end].type);
      auto child = TRY(merge_name(std::move(found[i].name), candidates));
      if (child) children.push_back(std::move(*child));
      i = end;
    }
    return children;
  }

  Result<> describe(const Child& child, bool below_opaque, TreeEntry& entry) {
    const Place& place = child.places.front();
    codec::ErofsReader& index = *TRY(reader(place.layer));
    const codec::ErofsNode node = TRY(index.node(place.number));
    if (node.type != child.type) return error(ErrorKind::kCorrupt, "index: a name of another type");
    entry.path = path;
    entry.type = node.type;
    entry.mode = node.mode;
    entry.uid = node.uid;
    entry.gid = node.gid;
    entry.mtime_sec = node.mtime_sec;
    entry.mtime_nsec = node.mtime_nsec;
    entry.dev_major = node.dev_major;
    entry.dev_minor = node.dev_minor;
    entry.layer = place.layer;
    entry.inode = place.number;
    entry.links = node.nlink;
    entry.whiteout = child.whiteout;
    entry.opaque = with_whiteouts && child.opaque && !below_opaque;
    entry.implied = with_whiteouts && node.type == FileType::kDirectory && implied.contains(path);
    entry.xattrs = TRY(index.xattrs(node));
    std::erase_if(entry.xattrs, [](const auto& x) { return x.first.starts_with("trusted.overlay."); });
    if (node.type == FileType::kSymlink) entry.target = TRY(index.target(node));
    if (node.type == FileType::kFile) {
      entry.size = node.size;
      for (const codec::ErofsPiece& piece : TRY(index.pieces(node)))
        entry.extents.push_back({piece.offset, piece.length, piece.stored_offset, piece.in_image});
    }
    if (node.type != FileType::kDirectory && !child.whiteout && node.nlink > 1) {
      const auto [first, added] = first_names.try_emplace({place.layer, place.number}, "");
      if (added) {
        link_text += path.size();
        if (link_text > kMaxLinkText)
          return error(ErrorKind::kResourceExhausted,
                       "the names of files with hard links take more than {} bytes, which is the limit", kMaxLinkText);
        first->second = path;
      } else {
        entry.link_of = first->second;
      }
    }
    return {};
  }

  Result<> visit_child(const Child& child, bool below_opaque, const Visit& visit) {
    TreeEntry entry;
    Result<> described = describe(child, below_opaque, entry);
    if (!described)
      return std::move(described).take_error().with_context("layer " + layers[child.places.front().layer].source.name);
    return visit(entry);
  }

  Result<Child> root() {
    Child root;
    root.type = FileType::kDirectory;
    for (auto at = static_cast<std::uint32_t>(layers.size()); at-- > 0 && !root.opaque;) {
      codec::ErofsReader& index = *TRY(reader(at));
      const codec::ErofsNode node = TRY(index.root(), "layer {}", layers[at].source.name);
      root.places.push_back({at, node.number, node.number});
      root.opaque = is_opaque(TRY(index.xattrs(node)));
    }
    return root;
  }

  Result<> walk(const Visit& visit) {
    struct Level {
      std::vector<Child> children;
      std::size_t next = 0;
      std::size_t path_size = 0;
      bool opaque = false;  // this directory or one above
    };
    first_names.clear();
    link_text = 0;
    path.clear();
    if (layers.empty()) return {};
    const Child top = TRY(root());
    TRY(visit_child(top, false, visit));
    std::vector<Level> levels;
    levels.push_back({TRY(children_of(top)), 0, 0, top.opaque});
    while (!levels.empty()) {
      Level& level = levels.back();
      if (level.next == level.children.size()) {
        levels.pop_back();
        continue;
      }
      const Child& child = level.children[level.next++];
      path.resize(level.path_size);
      if (!path.empty()) path += '/';
      path += child.name;
      // Nothing is left to hide.
      if (child.whiteout && level.opaque) continue;
      TRY(visit_child(child, level.opaque, visit));
      if (child.type != FileType::kDirectory) continue;
      const bool opaque = level.opaque || child.opaque;
      levels.push_back({TRY(children_of(child)), 0, path.size(), opaque});  // `level` and `child` are gone now
    }
    return {};
  }
};

MergedTree::MergedTree(std::vector<Source> sources, bool with_whiteouts) : impl_(std::make_unique<Impl>()) {
  impl_->with_whiteouts = with_whiteouts;
  for (Source& source : sources) impl_->layers.push_back({std::move(source), nullptr, std::nullopt});
  for (const Impl::Layer& layer : impl_->layers)
    impl_->implied.insert(layer.source.implied.begin(), layer.source.implied.end());
}
MergedTree::~MergedTree() = default;
MergedTree::MergedTree(MergedTree&&) noexcept = default;
MergedTree& MergedTree::operator=(MergedTree&&) noexcept = default;

Result<> MergedTree::walk(const Visit& visit) { return impl_->walk(visit); }

Result<std::size_t> MergedTree::read(const TreeEntry& entry, std::uint64_t offset, std::span<std::byte> buffer) {
  if (offset >= entry.size) return std::size_t{0};
  buffer = buffer.first(std::min<std::uint64_t>(buffer.size(), entry.size - offset));
  std::uint64_t at = offset;
  const std::uint64_t end = offset + buffer.size();
  const auto fill = [&](std::uint64_t to) {
    std::memset(buffer.data() + (at - offset), 0, to - at);
    at = to;
  };
  auto extent =
      std::ranges::upper_bound(entry.extents, offset, {}, [](const Extent& e) { return e.offset + e.length; });
  for (; extent != entry.extents.end() && extent->offset < end; ++extent) {
    if (extent->offset > at) fill(extent->offset);
    const std::uint64_t skip = at - extent->offset;
    const auto piece = buffer.subspan(at - offset, std::min(end - at, extent->length - skip));
    const int file = TRY(impl_->open(entry.layer, extent->in_index));
    if (TRY(sys::pread_full(file, piece, extent->stored_offset + skip)) != piece.size())
      return error(ErrorKind::kCorrupt, "layer {}: its tar is shorter than recorded",
                   impl_->layers[entry.layer].source.name);
    at += piece.size();
  }
  fill(end);
  return buffer.size();
}

}  // namespace strata::layers
