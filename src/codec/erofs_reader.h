// Reads the metadata of images that write_erofs() made with one data file: inodes, directories, xattrs, and where the
// data of files lies. Not for the EROFS images of others: of the format it knows what our writer uses.
//
// - Nothing in an image is believed: every position is checked, names are unique, sorted, without slashes, and
//   what is wrong is kCorrupt. directory() makes sure that directories are a tree, so a walk ends.
// - Memory: a few windows of the file, and what one call returns (bounded by the image's size).
//
// One thread at a time. `source` must outlive the reader.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/erofs_tree.h"

namespace strata::codec {

class ErofsSource {
 public:
  virtual ~ErofsSource() = default;
  // Fills the buffer from this offset of the image; fewer bytes only at its end.
  virtual Result<std::size_t> read(std::uint64_t offset, std::span<std::byte> buffer) = 0;
};

struct ErofsNode {
  std::uint64_t number = 0;  // of the inode: the same file, the same number
  FileType type = FileType::kFile;
  std::uint16_t mode = 0;  // 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint32_t nlink = 0;
  std::int64_t mtime_sec = 0;
  std::uint32_t mtime_nsec = 0;
  std::uint64_t size = 0;  // of the file, the directory's blocks, the symlink's target
  std::uint32_t dev_major = 0, dev_minor = 0;

  std::uint64_t offset = 0;  // of its 64 bytes in the image
  // The format's own, for the reader.
  std::uint16_t layout = 0;
  std::uint32_t xattr_bytes = 0;
  std::uint32_t data = 0;
};

struct ErofsName {
  std::string name;
  std::uint64_t number = 0;
  FileType type = FileType::kFile;
};

// A piece of a file, around it holes; of a file without holes there is one.
struct ErofsPiece {
  std::uint64_t offset = 0;  // in the file
  std::uint64_t length = 0;
  std::uint64_t stored_offset = 0;  // in the data file, or in the image
  bool in_image = false;
};

class ErofsReader {
 public:
  // `image_size` and `data_size` are those of the files.
  static Result<ErofsReader> open(ErofsSource& source, std::uint64_t image_size, std::uint64_t data_size);

  Result<ErofsNode> root();
  Result<ErofsNode> node(std::uint64_t number);
  // Sorted by their bytes, without "." and "..". `parent` is the number of the directory in which it was
  // found (the root's own for the root).
  Result<std::vector<ErofsName>> directory(const ErofsNode& node, std::uint64_t parent);
  Result<std::string> target(const ErofsNode& node);
  Result<XattrSet> xattrs(const ErofsNode& node);
  Result<std::vector<ErofsPiece>> pieces(const ErofsNode& node);

 private:
  static constexpr std::size_t kWindow = 8 << 10, kWindows = 4;
  struct Window {
    std::uint64_t offset = ~std::uint64_t{0};
    std::size_t size = 0;
    std::vector<std::byte> bytes;
  };

  ErofsReader(ErofsSource& source, std::uint64_t image_size, std::uint64_t data_size)
      : source_(&source), image_size_(image_size), data_size_(data_size) {}
  Result<> read(std::uint64_t offset, std::span<std::byte> buffer);
  // Part of what an inode holds as text: a directory's entries, a symlink's target.
  Result<> read_content(const ErofsNode& node, std::uint64_t offset, std::span<std::byte> buffer);
  Result<std::vector<ErofsPiece>> chunks(const ErofsNode& node);
  Result<> check_piece(const ErofsPiece& piece) const;

  ErofsSource* source_;
  std::uint64_t image_size_, data_size_;
  std::uint64_t root_ = 0;
  std::uint32_t mapped_ = 0;  // the first block of the data file in the image's space of blocks
  std::array<Window, kWindows> windows_;
};

}  // namespace strata::codec
