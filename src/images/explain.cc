#include "images/explain.h"

#include <algorithm>
#include <array>
#include <memory>
#include <queue>
#include <set>
#include <unordered_set>

#include "codec/sha256.h"
#include "images/layer_story.h"
#include "layers/layers.h"

namespace strata::images {
namespace {

using layers::MergedTree;
using layers::TreeEntry;

constexpr std::size_t kMaxTold = 1000;  // entries of one list
constexpr std::string_view kRest = "…";

// Bytes in the tar; holes take none.
std::uint64_t stored_bytes(const TreeEntry& entry) {
  std::uint64_t bytes = 0;
  for (const layers::Extent& extent : entry.extents) bytes += extent.length;
  return bytes;
}
bool holds_data(const TreeEntry& entry) {
  return entry.type == codec::FileType::kFile && entry.link_of.empty() && !entry.whiteout;
}
std::string top_directory(std::string_view path) {
  const auto slash = path.find('/');
  return slash == std::string_view::npos ? std::string() : std::string(path.substr(0, slash));
}
std::uint64_t minus(std::uint64_t a, std::uint64_t b) { return a > b ? a - b : 0; }

// A large file of a layer, of which it is not known yet whether the merged tree shows it.
struct Candidate {
  std::uint64_t bytes = 0;
  std::size_t layer = 0;
  std::uint64_t inode = 0;
  std::string path;
  bool visible = false, overwritten = false;
  bool operator>(const Candidate& other) const { return bytes > other.bytes; }
};

class Explainer {
 public:
  Explainer(Images& images, const Image& image) : layers_(images.layers()), image_(image) {}

  Result<Explanation> run() {
    const std::vector<std::string> instructions = instructions_of(image_);
    for (std::size_t i = 0; i < image_.chain_ids.size(); ++i) {
      Explanation::Layer& layer = result_.layers.emplace_back();
      layer.diff_id = image_.config.diff_ids.at(i);
      layer.instruction = instructions[i];
      if (const auto found = TRY(layers_.find(image_.chain_ids[i]))) layer.tar_size = found->tar_size;
      TRY(walk_layer(i, [&](MergedTree&, const TreeEntry& entry) {
        add(i, entry);
        return Result<>();
      }));
    }
    take_candidates();
    TRY(TRY(layers_.tree(image_.chain_ids)).walk([&](const TreeEntry& entry) {
      see(entry);
      return Result<>();
    }));
    settle();
    TRY(find_duplicates());
    return std::move(result_);
  }

 private:
  // The files of one layer's own tree that have data.
  template <class F>
  Result<> walk_layer(std::size_t i, F&& visit) {
    MergedTree tree = TRY(layers_.own_tree(image_.chain_ids[i]), "layer {}", image_.config.diff_ids[i].to_string());
    return tree.walk([&](const TreeEntry& entry) -> Result<> {
      if (holds_data(entry)) TRY(visit(tree, entry));
      return {};
    });
  }

  Explanation::Size& directory(std::size_t layer, std::string_view path) {
    auto& known = result_.layers[layer].directories;
    const std::string name = top_directory(path);
    if (const auto found = known.find(name); found != known.end()) return found->second;
    if (++directories_ > Explanation::kMaxDirectories) return known[std::string(kRest)];
    return known[name];
  }

  void add(std::size_t layer, const TreeEntry& entry) {
    const std::uint64_t bytes = stored_bytes(entry);
    for (Explanation::Size* size : {&result_.total, &result_.layers[layer].total, &directory(layer, entry.path)})
      ++size->files, size->bytes += bytes;
    if (const CacheDirectory cache = cache_of(entry.path); !cache.path.empty() && bytes > 0) {
      Cache& known = caches_[std::string(cache.path)];
      known.of = cache.of;
      ++known.size.files, known.size.bytes += bytes;
      known.layers.insert(layer);
    }
    if (bytes >= Explanation::kSmallestDuplicate) {
      if (sizes_.size() < Explanation::kMaxFiles)
        sizes_.push_back(bytes);
      else
        too_many_files_ = true;
    }
    // The uppermost layer hides nothing of itself.
    if (layer + 1 == image_.chain_ids.size() || bytes == 0) return;
    if (largest_.size() == Explanation::kMaxCandidates) {
      if (largest_.top().bytes >= bytes) return;
      largest_.pop();
    }
    largest_.push({bytes, layer, entry.inode, std::string(entry.path)});
  }

  void take_candidates() {
    while (!largest_.empty()) {
      candidates_.push_back(largest_.top());
      largest_.pop();
    }
    for (std::size_t i = 0; i < candidates_.size(); ++i) {
      by_inode_[{candidates_[i].layer, candidates_[i].inode}] = i;
      by_path_[candidates_[i].path].push_back(i);
    }
  }

  // What the merged tree shows.
  void see(const TreeEntry& entry) {
    if (const auto found = by_path_.find(entry.path); found != by_path_.end())
      for (const std::size_t i : found->second) candidates_[i].overwritten |= candidates_[i].layer != entry.layer;
    if (!holds_data(entry)) return;
    const std::uint64_t bytes = stored_bytes(entry);
    if (const auto found = by_inode_.find({entry.layer, entry.inode}); found != by_inode_.end())
      candidates_[found->second].visible = true;
    for (Explanation::Size* size :
         {&result_.total, &result_.layers[entry.layer].total, &directory(entry.layer, entry.path)})
      ++size->hidden_files,
          size->hidden_bytes += bytes;  // the seen ones; settle() turns them round
    if (const CacheDirectory cache = cache_of(entry.path); !cache.path.empty()) {
      const auto known = caches_.find(std::string(cache.path));
      if (known != caches_.end() && bytes > 0)
        ++known->second.size.hidden_files, known->second.size.hidden_bytes += bytes;
    }
  }

  static void turn_round(Explanation::Size& size) {
    size.hidden_files = minus(size.files, size.hidden_files);
    size.hidden_bytes = minus(size.bytes, size.hidden_bytes);
  }

  void settle() {
    turn_round(result_.total);
    for (Explanation::Layer& layer : result_.layers) {
      turn_round(layer.total);
      for (auto& [name, size] : layer.directories) turn_round(size);
    }
    for (auto& [path, cache] : caches_) {
      turn_round(cache.size);
      result_.caches.push_back({path, cache.of, cache.size, {cache.layers.begin(), cache.layers.end()}});
    }
    std::ranges::sort(result_.caches, std::greater(), [](const auto& cache) { return cache.size.bytes; });
    for (Candidate& candidate : candidates_)
      if (!candidate.visible)
        result_.hidden.push_back({std::move(candidate.path), candidate.bytes, candidate.layer, candidate.overwritten});
    std::ranges::stable_sort(result_.hidden, [](const auto& a, const auto& b) {
      return a.bytes != b.bytes ? a.bytes > b.bytes : a.path < b.path;
    });
    if (result_.hidden.size() > kMaxTold) result_.hidden.resize(kMaxTold);
    if (directories_ > Explanation::kMaxDirectories)
      result_.limits.push_back(
          fmt::format("more than {} top directories: the rest is summed up", Explanation::kMaxDirectories));
  }

  // Sizes that occur more than once, the largest first, as long as there are not too many files of
  // them.
  std::unordered_set<std::uint64_t> sizes_to_hash() {
    std::unordered_set<std::uint64_t> wanted;
    std::ranges::sort(sizes_, std::greater());
    std::size_t files = 0;
    for (std::size_t i = 0; i < sizes_.size();) {
      std::size_t end = i;
      while (end < sizes_.size() && sizes_[end] == sizes_[i]) ++end;
      if (end - i > 1 && (files += end - i) > Explanation::kMaxHashed) {
        result_.limits.push_back(
            fmt::format("identical files of less than {} bytes were not looked for", sizes_[i] + 1));
        break;
      }
      if (end - i > 1) wanted.insert(sizes_[i]);
      i = end;
    }
    if (too_many_files_)
      result_.limits.push_back(
          fmt::format("identical files were looked for among the first {}", Explanation::kMaxFiles));
    sizes_ = {};
    return wanted;
  }

  Result<codec::Sha256Digest> digest_of(MergedTree& tree, const TreeEntry& entry) {
    codec::Sha256 hash;
    for (std::uint64_t offset = 0; offset < entry.size;) {
      const std::size_t got = TRY(tree.read(entry, offset, buffer_));
      if (got == 0) break;
      hash.update(std::span(buffer_).first(got));
      offset += got;
    }
    return hash.finish();
  }

  Result<> find_duplicates() {
    const std::unordered_set<std::uint64_t> wanted = sizes_to_hash();
    std::map<codec::Sha256Digest, Explanation::Duplicates> found;
    if (wanted.empty()) return {};
    for (std::size_t i = 0; i < image_.chain_ids.size(); ++i)
      TRY(walk_layer(i, [&](MergedTree& tree, const TreeEntry& entry) -> Result<> {
        // Reading the holes of a sparse file may take for ever.
        if (!wanted.contains(entry.size) || stored_bytes(entry) != entry.size) return {};
        Explanation::Duplicates& same = found[TRY(digest_of(tree, entry))];
        same.bytes = entry.size;
        ++same.count;
        if (same.paths.size() < Explanation::kMaxPaths) same.paths.emplace_back(entry.path);
        return {};
      }));
    for (auto& [digest, same] : found) {
      if (same.count < 2) continue;
      result_.duplicate_bytes += same.wasted();
      result_.duplicates.push_back(std::move(same));
    }
    std::ranges::stable_sort(result_.duplicates, [](const auto& a, const auto& b) {
      return a.wasted() != b.wasted() ? a.wasted() > b.wasted() : a.paths < b.paths;
    });
    if (result_.duplicates.size() > kMaxTold) result_.duplicates.resize(kMaxTold);
    return {};
  }

  struct Cache {
    std::string of;
    Explanation::Size size;
    std::set<std::size_t> layers;
  };

  layers::Layers& layers_;
  const Image& image_;
  Explanation result_;
  std::size_t directories_ = 0;
  std::map<std::string, Cache> caches_;
  std::vector<std::uint64_t> sizes_;
  bool too_many_files_ = false;
  std::priority_queue<Candidate, std::vector<Candidate>, std::greater<>> largest_;  // the smallest of them on top
  std::vector<Candidate> candidates_;
  std::map<std::pair<std::size_t, std::uint64_t>, std::size_t> by_inode_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> by_path_;
  std::array<std::byte, 256 << 10> buffer_{};
};

}  // namespace

Result<Explanation> explain(Images& images, const Image& image) {
  return std::make_unique<Explainer>(images, image)->run();
}

}  // namespace strata::images
