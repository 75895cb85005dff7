#include "images/image_diff.h"

#include <algorithm>
#include <array>
#include <compare>
#include <cstring>
#include <memory>
#include <optional>

#include "images/entry_stream.h"
#include "layers/layers.h"

namespace strata::images {
namespace {

using codec::FileType;
using layers::MergedTree;
using layers::TreeEntry;

// The order of a walk: a directory before what is in it, names by their bytes, so "a/b" before
// "a.c".
std::strong_ordering walk_order(std::string_view a, std::string_view b) {
  const auto rank = [](char c) { return c == '/' ? 0 : 1 + static_cast<int>(static_cast<unsigned char>(c)); };
  for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i)
    if (const auto order = rank(a[i]) <=> rank(b[i]); order != 0) return order;
  return a.size() <=> b.size();
}

char letter(FileType type) {
  switch (type) {
    case FileType::kDirectory:
      return 'd';
    case FileType::kSymlink:
      return 'l';
    case FileType::kCharDevice:
      return 'c';
    case FileType::kBlockDevice:
      return 'b';
    case FileType::kFifo:
      return 'p';
    default:
      return 'f';
  }
}

class Comparison {
 public:
  Comparison(layers::Layers& layers, const Image& before, const Image& after)
      : layers_(layers), before_(before), after_(after) {}

  Result<DifferenceSums> run(const VisitDifference& visit) {
    // The trees that are walked are not those that are read: each belongs to one thread.
    EntryStream old_entries(TRY(layers_.tree(before_.chain_ids)));
    EntryStream new_entries(TRY(layers_.tree(after_.chain_ids)));
    old_files_ = TRY(layers_.tree(before_.chain_ids));
    new_files_ = TRY(layers_.tree(after_.chain_ids));
    while (true) {
      const StreamedEntry* old_entry = TRY(old_entries.front());
      const StreamedEntry* new_entry = TRY(new_entries.front());
      if (old_entry == nullptr && new_entry == nullptr) return sums_;
      const auto order = old_entry == nullptr   ? std::strong_ordering::greater
                         : new_entry == nullptr ? std::strong_ordering::less
                                                : walk_order(old_entry->path, new_entry->path);
      if (order < 0) {
        TRY(visit(gone(*old_entry)));
      } else if (order > 0) {
        TRY(visit(added(*new_entry)));
      } else if (const auto changed = TRY(compare(*old_entry, *new_entry))) {
        TRY(visit(*changed));
      }
      if (order <= 0) old_entries.pop();
      if (order >= 0) new_entries.pop();
    }
  }

 private:
  static std::uint64_t size_of(const StreamedEntry& one) {
    return one.entry.type == FileType::kFile && one.link_of.empty() ? one.entry.size : 0;
  }
  FileDifference gone(const StreamedEntry& one) {
    ++sums_.deleted;
    sums_.deleted_bytes += size_of(one);
    return {FileDifference::Kind::kDeleted, one.path, letter(one.entry.type), size_of(one), 0, {}};
  }
  FileDifference added(const StreamedEntry& one) {
    ++sums_.added;
    sums_.added_bytes += size_of(one);
    return {FileDifference::Kind::kAdded, one.path, letter(one.entry.type), 0, size_of(one), {}};
  }

  bool same_origin(const TreeEntry& a, const TreeEntry& b) const {
    return before_.config.diff_ids.at(a.layer) == after_.config.diff_ids.at(b.layer) && a.inode == b.inode &&
           before_.chain_ids.at(a.layer) == after_.chain_ids.at(b.layer);
  }

  // Where either of them has data: what both leave out is zeros, and may be larger than any disk.
  static std::vector<layers::Extent> data_of(const TreeEntry& a, const TreeEntry& b) {
    std::vector<layers::Extent> pieces = a.extents;
    pieces.insert(pieces.end(), b.extents.begin(), b.extents.end());
    std::ranges::sort(pieces, {}, &layers::Extent::offset);
    std::vector<layers::Extent> whole;
    for (const layers::Extent& piece : pieces) {
      const std::uint64_t end = piece.offset + piece.length;
      if (whole.empty() || whole.back().offset + whole.back().length < piece.offset)
        whole.push_back(piece);
      else if (const layers::Extent& last = whole.back(); last.offset + last.length < end)
        whole.back().length = end - last.offset;
    }
    return whole;
  }

  Result<bool> same_content(const TreeEntry& a, const TreeEntry& b) {
    if (a.size != b.size) return false;
    for (const layers::Extent& piece : data_of(a, b))
      for (std::uint64_t done = 0; done < piece.length;) {
        const std::size_t wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(old_buffer_.size(), piece.length - done));
        const std::uint64_t offset = piece.offset + done;
        const std::size_t got = TRY(old_files_->read(a, offset, std::span(old_buffer_).first(wanted)));
        const std::size_t other = TRY(new_files_->read(b, offset, std::span(new_buffer_).first(wanted)));
        if (got == 0 || got != other) return got == other;
        if (std::memcmp(old_buffer_.data(), new_buffer_.data(), got) != 0) return false;
        done += got;
      }
    return true;
  }

  Result<std::optional<FileDifference>> compare(const StreamedEntry& one, const StreamedEntry& other) {
    const TreeEntry& a = one.entry;
    const TreeEntry& b = other.entry;
    // A directory of that layer may be what layers above made of it, so it is compared.
    if (a.type != FileType::kDirectory && same_origin(a, b)) return std::nullopt;
    std::vector<std::string> what;
    if (a.type != b.type)
      what.emplace_back("type");
    else if (a.type == FileType::kFile && !TRY(same_content(a, b)))
      what.emplace_back("content");
    if (a.mode != b.mode && a.type != FileType::kSymlink) what.emplace_back("mode");
    if (a.uid != b.uid || a.gid != b.gid) what.emplace_back("owner");
    if (a.target != b.target) what.emplace_back("target");
    if (a.dev_major != b.dev_major || a.dev_minor != b.dev_minor) what.emplace_back("device");
    if (a.xattrs != b.xattrs) what.emplace_back("attributes");
    if (what.empty()) return std::nullopt;
    ++sums_.changed;
    const bool content = what.front() == "content" || what.front() == "type";
    if (content) sums_.deleted_bytes += size_of(one), sums_.added_bytes += size_of(other);
    return FileDifference{
        FileDifference::Kind::kChanged, other.path, letter(b.type), size_of(one), size_of(other), std::move(what)};
  }

  layers::Layers& layers_;
  const Image& before_;
  const Image& after_;
  std::optional<MergedTree> old_files_, new_files_;
  std::array<std::byte, 128 << 10> old_buffer_{}, new_buffer_{};
  DifferenceSums sums_;
};

}  // namespace

Result<DifferenceSums> diff_files(Images& images, const Image& before, const Image& after,
                                  const VisitDifference& visit) {
  return std::make_unique<Comparison>(images.layers(), before, after)->run(visit);
}

}  // namespace strata::images
