// A tree of files whose data lies elsewhere: what write_erofs() makes an image of.
//
// - inodes[0] is the root and a directory. Inodes that no entry leads to are ignored.
// - Names and link targets are views; whoever builds the tree keeps the text (see TextArena).
// - Entries of a directory are sorted by their bytes, unique, without "." and "..", 1 to 255 bytes long.
// - nlink is what stat(2) shall say.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "codec/tar_entry.h"

namespace strata::codec {

enum class FileType : std::uint8_t { kFile, kDirectory, kSymlink, kCharDevice, kBlockDevice, kFifo };

struct ErofsInode {
  FileType type = FileType::kFile;
  std::uint16_t mode = 0;  // 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t nlink = 0;
  std::int64_t mtime_sec = 0;
  std::uint32_t mtime_nsec = 0;
  std::uint32_t xattrs = 0;  // index in xattr_sets; 0 is the empty set
  // Of a file: bytes, holes included.
  std::uint64_t size = 0;
  // Of a file that is not sparse: where its data lies in the data device, a multiple of 512.
  // Of a device: major << 32 | minor.
  std::uint64_t data = 0;
  // Of a directory: index in directories. Of a symlink: index in targets. Of a sparse file: index in
  // segment_lists, whose first is for files that are not sparse.
  std::uint32_t detail = 0;
};

struct ErofsEntry {
  std::string_view name;
  std::uint32_t inode = 0;
};

using XattrSet = std::vector<std::pair<std::string, std::string>>;  // full names, sorted

struct ErofsTree {
  std::vector<ErofsInode> inodes;
  std::vector<std::vector<ErofsEntry>> directories;
  std::vector<std::string_view> targets;
  std::vector<std::vector<Segment>> segment_lists{1};
  std::vector<XattrSet> xattr_sets{1};
};

// Keeps text at a fixed place, in pieces of 64 KiB.
class TextArena {
 public:
  std::string_view keep(std::string_view text) {
    if (text.size() > left_) {
      const std::size_t size = text.size() > kPiece / 4 ? text.size() : kPiece;
      pieces_.push_back(std::make_unique<char[]>(size));
      used_ += size;
      if (size != kPiece) return copy(pieces_.back().get(), text);
      next_ = pieces_.back().get();
      left_ = size;
    }
    char* place = next_;
    next_ += text.size();
    left_ -= text.size();
    return copy(place, text);
  }
  std::size_t memory() const { return used_; }

 private:
  static constexpr std::size_t kPiece = 64 << 10;
  static std::string_view copy(char* place, std::string_view text) {
    std::memcpy(place, text.data(), text.size());
    return {place, text.size()};
  }
  std::vector<std::unique_ptr<char[]>> pieces_;
  char* next_ = nullptr;
  std::size_t left_ = 0;
  std::size_t used_ = 0;
};

}  // namespace strata::codec
