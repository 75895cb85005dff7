// The image:
//
//   0      1024  nothing
//   1024   128   superblock
//   1152   128…  device slots: the data files
//   1536   …     inodes (or further behind, after more than three slots), in the order of a depth-first walk, each
//   followed by its xattrs, then by what
//                is short enough to lie beside it: the last block of a directory, a symlink's target
//   …      …     whole blocks: directories, long targets, copied chunks of sparse files
//
// An inode's number is its offset from the first in units of 32 bytes; the superblock has 16 bits for the
// root's, so the root comes first. Files that are not sparse are "flat": the data devices are mapped
// behind the image in one address space of blocks, and a file has only its first block's address:
// 64 bytes of index per file, and no further metadata to read for a page of data. The first mapped
// block is known once everything has its place, hence two passes: place, then write. Chunks name
// their device instead.
#include "codec/erofs_writer.h"

#include <algorithm>
#include <cstring>

#include "codec/erofs_chunks.h"
#include "codec/erofs_directory.h"
#include "codec/erofs_head.h"
#include "codec/erofs_output.h"
#include "codec/erofs_xattrs.h"

namespace strata::codec {
namespace {

constexpr std::size_t kSlotOffset = 1152, kSlotSize = 128;
constexpr std::size_t kInodeSize = 64;
constexpr std::uint32_t kNullBlock = 0xFFFFFFFF;
enum Layout : std::uint16_t { kPlain = 0, kInline = 2, kChunks = 4 };

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

std::uint64_t blocks_of(std::uint64_t bytes) { return round_up(bytes, kErofsBlock) / kErofsBlock; }

std::uint16_t mode_of(const ErofsInode& inode) {
  static constexpr std::uint16_t kBits[] = {0100000, 0040000, 0120000, 0020000, 0060000, 0010000};
  return kBits[static_cast<int>(inode.type)] | (inode.mode & 07777);
}

class Writer {
 public:
  Writer(const ErofsTree& tree, const ErofsOptions& options, ErofsFiles& files)
      : tree_(tree), options_(options), files_(files), output_(files) {}

  Result<ErofsImage> write() {
    if (options_.devices.size() > kErofsMaxDevices)
      return error(ErrorKind::kResourceExhausted, "{} data files, the limit is {}", options_.devices.size(),
                   kErofsMaxDevices);
    meta_offset_ = std::max(kErofsHead, round_up(kSlotOffset + kSlotSize * options_.devices.size(), kErofsBlock));
    meta_end_ = meta_offset_;
    std::uint64_t data_blocks = 0;
    for (const ErofsDevice& device : options_.devices) {
      device_starts_.push_back(data_blocks);
      data_blocks += blocks_of(device.size);
    }
    data_blocks_ = data_blocks;
    place_all();
    TRY(check_size());
    TRY(write_head());
    for (std::uint32_t id : order_) TRY(write_inode(id));
    for (const Blocks& blocks : blocks_) TRY(write_blocks(blocks));
    TRY(output_.pad_to(image_end_));
    TRY(output_.flush());
    ErofsImage image;
    image.size = image_end_;
    image.inodes = order_.size();
    image.inode_offsets.resize(tree_.inodes.size());
    for (std::uint32_t id : order_) image.inode_offsets[id] = places_[id].offset;
    return image;
  }

 private:
  struct Place {
    std::uint64_t offset = 0;       // of the inode; 0: not visited
    std::uint64_t size = 0;         // i_size
    std::uint32_t first_block = 0;  // of its own blocks in the image, relative to the first of all
    std::uint32_t parent = 0;       // of a directory
    Layout layout = kPlain;
    std::uint16_t tail = 0;  // bytes beside the inode
    std::uint8_t chunk_bits = 0;
  };
  struct Blocks {
    std::uint32_t inode;
    std::uint64_t count;
  };

  // --- first pass ---

  void place_all() {
    places_.resize(tree_.inodes.size());
    xattr_sizes_.reserve(tree_.xattr_sets.size());
    for (const XattrSet& set : tree_.xattr_sets) xattr_sizes_.push_back(erofs_xattr_size(set));
    // Files of a directory first, next to each other, then its directories, depth first.
    std::vector<std::uint32_t> stack{0};
    place(0);
    while (!stack.empty()) {
      const std::uint32_t id = stack.back();
      stack.pop_back();
      if (id != 0) place(id);
      const auto& entries = tree_.directories[tree_.inodes[id].detail];
      const std::size_t mark = stack.size();
      for (const ErofsEntry& entry : entries) {
        if (tree_.inodes[entry.inode].type == FileType::kDirectory) {
          places_[entry.inode].parent = id;
          stack.push_back(entry.inode);
        } else if (places_[entry.inode].offset == 0) {
          place(entry.inode);
        }
      }
      std::reverse(stack.begin() + static_cast<std::ptrdiff_t>(mark), stack.end());
    }
    meta_end_ = round_up(meta_end_, kErofsBlock);
    image_end_ = meta_end_ + block_count_ * kErofsBlock;
  }

  void place(std::uint32_t id) {
    const ErofsInode& inode = tree_.inodes[id];
    Place& p = places_[id];
    const std::uint64_t base = kInodeSize + xattr_sizes_[inode.xattrs];
    std::uint64_t behind = 0;  // bytes after inode and xattrs
    p.size = inode.size;
    switch (inode.type) {
      case FileType::kDirectory: {
        with_dots(id, [&](std::span<const ErofsEntry> entries) {
          cut_into_blocks(entries, [&](std::size_t block, std::size_t, std::size_t, std::size_t used) {
            p.size = block * kErofsBlock + used;
          });
        });
        place_tail(p, id, base);
        break;
      }
      case FileType::kSymlink:
        p.size = tree_.targets[inode.detail].size();
        // The kernel wants a short target inline, and a long one in blocks of its own.
        if (p.size < kErofsBlock) {
          place_tail(p, id, base);
        } else {
          place_blocks(p, id, (p.size + kErofsBlock - 1) / kErofsBlock);
        }
        break;
      case FileType::kFile:
        if (inode.detail != 0 && inode.size > 0) {
          const Chunks chunks = choose_chunks(tree_.segment_lists[inode.detail], inode.size);
          p.layout = kChunks;
          p.chunk_bits = static_cast<std::uint8_t>(chunks.bits);
          behind = round_up(base, 8) - base + chunks.count * 8;
          place_blocks(p, id, chunks.copied << chunks.bits);
        }
        break;
      default:
        p.size = 0;
    }
    if (p.layout == kInline) behind = p.tail;
    // An inode does not cross a block, nor does what lies inline behind it.
    const std::uint64_t in_block = meta_end_ % kErofsBlock;
    const std::uint64_t together = p.layout == kInline ? base + behind : kInodeSize;
    if (in_block + together > kErofsBlock) meta_end_ = round_up(meta_end_, kErofsBlock);
    p.offset = meta_end_;
    meta_end_ = round_up(meta_end_ + base + behind, 32);
    order_.push_back(id);
  }

  // The last, partial block beside the inode if both fit into one block, else among the others.
  void place_tail(Place& p, std::uint32_t id, std::uint64_t base) {
    const std::uint64_t tail = p.size % kErofsBlock;
    const bool beside = tail != 0 && base + tail <= kErofsBlock;
    if (beside) {
      p.layout = kInline;
      p.tail = static_cast<std::uint16_t>(tail);
    }
    place_blocks(p, id, (p.size + kErofsBlock - 1) / kErofsBlock - (beside ? 1 : 0));
  }

  void place_blocks(Place& p, std::uint32_t id, std::uint64_t count) {
    if (count == 0) return;
    p.first_block = static_cast<std::uint32_t>(block_count_);
    block_count_ += count;
    blocks_.push_back({id, count});
  }

  // The directory's entries with "." and ".." where their bytes sort.
  template <class Use>
  void with_dots(std::uint32_t id, Use use) {
    const auto& entries = tree_.directories[tree_.inodes[id].detail];
    const ErofsEntry dots[] = {{".", id}, {"..", id == 0 ? 0 : places_[id].parent}};
    dotted_.resize(entries.size() + 2);
    std::merge(entries.begin(), entries.end(), std::begin(dots), std::end(dots), dotted_.begin(),
               [](const ErofsEntry& a, const ErofsEntry& b) { return a.name < b.name; });
    use(std::span<const ErofsEntry>(dotted_));
  }

  Result<> check_size() {
    if (image_end_ > kErofsMaxImage)
      return error(ErrorKind::kResourceExhausted, "the index would be {} bytes, more than the limit of {}", image_end_,
                   kErofsMaxImage);
    if (image_end_ / kErofsBlock + data_blocks_ >= kNullBlock)
      return error(ErrorKind::kResourceExhausted,
                   "{} bytes of data: an index can address 2 TiB (2^32 blocks of 512 bytes)",
                   data_blocks_ * kErofsBlock);
    mapped_ = static_cast<std::uint32_t>(image_end_ / kErofsBlock);
    return {};
  }

  // --- second pass ---

  Result<> write_head() {
    std::vector<std::byte> all(meta_offset_);
    std::byte* super = all.data() + kErofsSuperOffset;
    put<std::uint32_t>(super, kErofsMagic);
    put<std::uint32_t>(super + 8, 0x1 | 0x2);  // compatible: checksum, mtime
    super[12] = std::byte{9};                  // 512-byte blocks
    put<std::uint16_t>(super + 14, static_cast<std::uint16_t>((places_[0].offset - meta_offset_) / 32));
    put<std::uint64_t>(super + 16, order_.size());
    put<std::uint32_t>(super + 36, static_cast<std::uint32_t>(image_end_ / kErofsBlock));
    put<std::uint32_t>(super + 40, static_cast<std::uint32_t>(meta_offset_ / kErofsBlock));
    std::memcpy(super + 48, options_.uuid.data(), 16);
    put<std::uint32_t>(super + 80, 0x4 | 0x8);  // incompatible: chunked files, device table
    put<std::uint16_t>(super + 86, static_cast<std::uint16_t>(options_.devices.size()));
    put<std::uint16_t>(super + 88, kSlotOffset / kSlotSize);
    put_slots(std::span(all).subspan(kSlotOffset));
    put<std::uint32_t>(super + 4, erofs_head_checksum(std::span<const std::byte, kErofsHead>(all.data(), kErofsHead)));
    return output_.write(all);
  }

  void put_slots(std::span<std::byte> slots) const {
    for (std::size_t i = 0; i < options_.devices.size(); ++i) {
      const ErofsDevice& device = options_.devices[i];
      std::byte* slot = slots.data() + i * kSlotSize;
      std::memcpy(slot, device.tag.data(), std::min<std::size_t>(64, device.tag.size()));
      put<std::uint32_t>(slot + 64, static_cast<std::uint32_t>(std::max<std::uint64_t>(1, blocks_of(device.size))));
      put<std::uint32_t>(slot + 68, static_cast<std::uint32_t>(mapped_ + device_starts_[i]));
    }
  }

  // Device (counted from 1) and block in it.
  std::pair<std::uint16_t, std::uint32_t> locate(std::uint64_t block) const {
    const auto after = std::upper_bound(device_starts_.begin(), device_starts_.end(), block);
    const auto device = static_cast<std::size_t>(after - device_starts_.begin());
    return {static_cast<std::uint16_t>(device), static_cast<std::uint32_t>(block - device_starts_[device - 1])};
  }

  Result<> write_inode(std::uint32_t id) {
    const ErofsInode& inode = tree_.inodes[id];
    const Place& p = places_[id];
    TRY(output_.pad_to(p.offset));
    const std::size_t xattr_size = xattr_sizes_[inode.xattrs];
    scratch_.assign(kInodeSize + xattr_size, std::byte{0});
    std::byte* at = scratch_.data();
    put<std::uint16_t>(at, static_cast<std::uint16_t>(1 | p.layout << 1));
    put<std::uint16_t>(at + 2, erofs_xattr_count(xattr_size));
    put<std::uint16_t>(at + 4, mode_of(inode));
    put<std::uint64_t>(at + 8, p.size);
    put<std::uint32_t>(at + 16, data_field(inode, p));
    put<std::uint32_t>(at + 20, static_cast<std::uint32_t>(++number_));
    put<std::uint32_t>(at + 24, inode.uid);
    put<std::uint32_t>(at + 28, inode.gid);
    put<std::int64_t>(at + 32, inode.mtime_sec);
    put<std::uint32_t>(at + 40, inode.mtime_nsec);
    put<std::uint32_t>(at + 44, inode.nlink);
    if (xattr_size != 0) write_erofs_xattrs(tree_.xattr_sets[inode.xattrs], std::span(scratch_).subspan(kInodeSize));
    TRY(output_.write(scratch_));
    if (p.layout == kInline) return write_tail(id);
    if (p.layout == kChunks) return write_chunk_table(id);
    return {};
  }

  std::uint32_t data_field(const ErofsInode& inode, const Place& p) const {
    switch (inode.type) {
      case FileType::kCharDevice:
      case FileType::kBlockDevice: {
        const auto major = static_cast<std::uint32_t>(inode.data >> 32);
        const auto minor = static_cast<std::uint32_t>(inode.data);
        return (minor & 0xFF) | (major << 8) | ((minor & ~0xFFu) << 12);
      }
      case FileType::kFile:
        if (p.layout == kChunks) return p.chunk_bits | 0x20u;  // with device numbers
        return inode.size == 0 ? 0 : mapped_ + static_cast<std::uint32_t>(inode.data / kErofsBlock);
      default:
        return first_own_block() + p.first_block;
    }
  }

  std::uint32_t first_own_block() const { return static_cast<std::uint32_t>(meta_end_ / kErofsBlock); }

  // What block `number` of a directory holds.
  void make_directory_block(std::span<const ErofsEntry> entries, std::span<std::byte> block) {
    fill_directory_block(
        entries, block, [&](std::uint32_t inode) { return (places_[inode].offset - meta_offset_) / 32; },
        [&](std::uint32_t inode) { return tree_.inodes[inode].type; });
  }

  Result<> write_tail(std::uint32_t id) {
    const Place& p = places_[id];
    const ErofsInode& inode = tree_.inodes[id];
    if (inode.type == FileType::kSymlink) {
      const std::string_view target = tree_.targets[inode.detail];
      return output_.write(std::as_bytes(std::span(target.substr(p.size - p.tail))));
    }
    scratch_.assign(p.tail, std::byte{0});
    with_dots(id, [&](std::span<const ErofsEntry> entries) {
      cut_into_blocks(entries, [&](std::size_t, std::size_t from, std::size_t to, std::size_t) {
        if (to == entries.size()) make_directory_block(entries.subspan(from, to - from), scratch_);
      });
    });
    return output_.write(scratch_);
  }

  Result<> write_chunk_table(std::uint32_t id) {
    const ErofsInode& inode = tree_.inodes[id];
    const Place& p = places_[id];
    const auto& segments = tree_.segment_lists[inode.detail];
    const std::uint64_t size = kErofsBlock << p.chunk_bits;
    TRY(output_.pad_to(round_up(output_.position(), 8)));
    std::uint64_t next = 0;
    std::uint64_t own = first_own_block() + std::uint64_t{p.first_block};
    Result<> result;
    auto put_entry = [&](std::uint16_t device, std::uint32_t block) {
      std::array<std::byte, 8> entry{};
      put<std::uint16_t>(entry.data() + 2, device);
      put<std::uint32_t>(entry.data() + 4, block);
      if (result) result = output_.write(entry);
    };
    visit_chunks(segments, inode.size, size, [&](std::uint64_t chunk, ChunkKind kind, std::size_t segment) {
      for (; next < chunk; ++next) put_entry(0, kNullBlock);
      const Segment& s = segments[segment];
      if (kind == ChunkKind::kMapped) {
        const std::uint64_t stored = s.stored_offset + (chunk * size - s.offset);
        const auto [device, block] = locate(stored / kErofsBlock);
        put_entry(device, block);
      } else {
        put_entry(0, static_cast<std::uint32_t>(own));
        own += std::uint64_t{1} << p.chunk_bits;
      }
      ++next;
    });
    for (const std::uint64_t count = (inode.size + size - 1) / size; next < count; ++next) put_entry(0, kNullBlock);
    return result;
  }

  Result<> write_blocks(const Blocks& blocks) {
    const Place& p = places_[blocks.inode];
    const ErofsInode& inode = tree_.inodes[blocks.inode];
    const std::uint64_t start = meta_end_ + p.first_block * kErofsBlock;
    TRY(output_.pad_to(start));
    if (inode.type == FileType::kFile) return copy_chunks(inode, p, start);
    if (inode.type == FileType::kSymlink) {
      const std::string_view target = tree_.targets[inode.detail];
      TRY(output_.write(std::as_bytes(std::span(target))));
    } else {
      Result<> result;
      scratch_.resize(kErofsBlock);
      with_dots(blocks.inode, [&](std::span<const ErofsEntry> entries) {
        cut_into_blocks(entries, [&](std::size_t block, std::size_t from, std::size_t to, std::size_t) {
          if (!result || block >= blocks.count) return;
          std::fill(scratch_.begin(), scratch_.end(), std::byte{0});
          make_directory_block(entries.subspan(from, to - from), scratch_);
          result = output_.write(scratch_);
        });
      });
      TRY(std::move(result));
    }
    return output_.pad_to(start + blocks.count * kErofsBlock);
  }

  Result<> copy_chunks(const ErofsInode& inode, const Place& p, std::uint64_t start) {
    const auto& segments = tree_.segment_lists[inode.detail];
    const std::uint64_t size = kErofsBlock << p.chunk_bits;
    Result<> result;
    std::uint64_t copied = 0;
    visit_chunks(segments, inode.size, size, [&](std::uint64_t chunk, ChunkKind kind, std::size_t first) {
      if (kind != ChunkKind::kCopied || !result) return;
      const std::uint64_t from = chunk * size, to = from + size;
      const std::uint64_t target = start + copied++ * size;
      for (std::size_t i = first; i < segments.size() && segments[i].offset < to && result; ++i) {
        const Segment& s = segments[i];
        const std::uint64_t begin = std::max(from, s.offset);
        const std::uint64_t end = std::min(to, s.offset + s.length);
        result = output_.pad_to(target + (begin - from));
        if (result) result = copy_data(s.stored_offset + (begin - s.offset), end - begin);
      }
    });
    TRY(std::move(result));
    return output_.pad_to(start + copied * size);
  }

  Result<> copy_data(std::uint64_t offset, std::uint64_t length) {
    std::vector<std::byte> buffer(std::min<std::uint64_t>(length, 256 << 10));
    while (length > 0) {
      const auto piece = std::span(buffer).first(std::min<std::uint64_t>(length, buffer.size()));
      TRY(files_.read_data(offset, piece));
      TRY(output_.write(piece));
      offset += piece.size();
      length -= piece.size();
    }
    return {};
  }

  const ErofsTree& tree_;
  const ErofsOptions& options_;
  ErofsFiles& files_;
  ErofsOutput output_;
  std::vector<Place> places_;
  std::vector<std::size_t> xattr_sizes_;
  std::vector<std::uint32_t> order_;
  std::vector<Blocks> blocks_;
  std::vector<ErofsEntry> dotted_;
  std::vector<std::byte> scratch_;
  std::vector<std::uint64_t> device_starts_;  // blocks
  std::uint64_t data_blocks_ = 0;
  std::uint64_t meta_offset_ = 0;  // of the first inode
  std::uint64_t meta_end_ = 0;
  std::uint64_t block_count_ = 0;
  std::uint64_t image_end_ = 0;
  std::uint64_t number_ = 0;
  std::uint32_t mapped_ = 0;
};

}  // namespace

std::uint64_t erofs_data_start(const std::vector<ErofsDevice>& devices, std::size_t number) {
  std::uint64_t blocks = 0;
  for (std::size_t i = 0; i < number; ++i) blocks += blocks_of(devices[i].size);
  return blocks * kErofsBlock;
}

Result<ErofsImage> write_erofs(const ErofsTree& tree, const ErofsOptions& options, ErofsFiles& files) {
  return Writer(tree, options, files).write();
}

}  // namespace strata::codec
