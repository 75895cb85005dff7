// Writes EROFS images that hold metadata only: the data of files lies in other files (layers' tars)
// that are mounted as the image's extra devices. Blocks have 512 bytes, as tar's do.
// https://docs.kernel.org/filesystems/erofs.html and fs/erofs/erofs_fs.h of Linux.
//
// - Needs Linux 6.4 (sub-page blocks); 6.12 to be mounted without loop devices.
// - The same tree and options give the same bytes; inode numbers depend on the tree alone.
// - Sparse files become chunk-based inodes with holes. Where a chunk cannot point into the data file,
//   because a segment is not aligned to it, the chunk is copied into the image.
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

// Changes when the same tree would give other bytes: an image of another version is made anew.
inline constexpr int kErofsWriterVersion = 1;

inline constexpr std::uint64_t kErofsBlock = 512;
inline constexpr std::uint64_t kErofsMaxImage = std::uint64_t{4} << 30;
inline constexpr std::uint64_t kErofsMaxFile = std::uint64_t{8} << 40;

// A file with data. The tree's offsets count through all of them, each beginning at a multiple of
// kErofsBlock behind the one before: see erofs_data_start().
struct ErofsDevice {
  std::string tag;         // names it in the image: at most 64 bytes
  std::uint64_t size = 0;  // bytes
};
inline constexpr std::size_t kErofsMaxDevices = 4096;

struct ErofsOptions {
  std::array<std::byte, 16> uuid{};
  std::vector<ErofsDevice> devices;
};

// Where the data of device `number` begins in the tree's offsets.
std::uint64_t erofs_data_start(const std::vector<ErofsDevice>& devices, std::size_t number);

// The image and its data as the writer needs them.
class ErofsFiles {
 public:
  virtual ~ErofsFiles() = default;
  // Into the image; offsets ascend, gaps are zeros.
  virtual Result<> write(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
  // Of the data, exactly.
  virtual Result<> read_data(std::uint64_t offset, std::span<std::byte> buffer) = 0;
};

struct ErofsImage {
  std::uint64_t size = 0;    // bytes; a multiple of kErofsBlock
  std::uint64_t inodes = 0;  // written
  // For every inode of the tree, the offset of its 64 bytes in the image; 0: not written.
  std::vector<std::uint64_t> inode_offsets;
};

// Errors: kResourceExhausted when the image would be beyond kErofsMaxImage, image and data together
// beyond 2 TiB (2^32 blocks), or the devices more than kErofsMaxDevices; what the files say.
Result<ErofsImage> write_erofs(const ErofsTree& tree, const ErofsOptions& options, ErofsFiles& files);

// Changes owner, mode and time of one inode in the 64 bytes of it, for a copy of an image in which a
// directory has other attributes.
struct ErofsAttributes {
  std::uint16_t mode = 0;  // 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::int64_t mtime_sec = 0;
  std::uint32_t mtime_nsec = 0;
};
void patch_erofs_inode(std::span<std::byte, 64> inode, const ErofsAttributes& attributes);
// The first 1536 bytes of an image with another uuid, its checksum made good.
inline constexpr std::size_t kErofsHead = 1536;
void patch_erofs_uuid(std::span<std::byte, kErofsHead> head, std::span<const std::byte, 16> uuid);
// The uuid in the first bytes of an image; kCorrupt when it is no image of ours with a good checksum.
Result<std::array<std::byte, 16>> read_erofs_uuid(std::span<const std::byte, kErofsHead> head);

}  // namespace strata::codec
