#include "codec/erofs_reader.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <utility>

#include "codec/erofs_head.h"
#include "codec/erofs_xattrs.h"

namespace strata::codec {
namespace {

constexpr std::size_t kInodeSize = 64, kDirentSize = 12, kXattrHeader = 12;
constexpr std::uint32_t kNullBlock = 0xFFFFFFFF;
enum Layout : std::uint16_t { kPlain = 0, kInline = 2, kChunks = 4 };

Error corrupt(std::string_view what) { return error(ErrorKind::kCorrupt, "index: {}", what); }

std::optional<FileType> type_of(std::uint16_t mode) {
  switch (mode & 0170000) {
    case 0100000:
      return FileType::kFile;
    case 0040000:
      return FileType::kDirectory;
    case 0120000:
      return FileType::kSymlink;
    case 0020000:
      return FileType::kCharDevice;
    case 0060000:
      return FileType::kBlockDevice;
    case 0010000:
      return FileType::kFifo;
    default:
      return std::nullopt;
  }
}

// FT_… as directories name types.
std::optional<FileType> type_of_name(std::byte type) {
  static constexpr FileType kTypes[] = {FileType::kFile, FileType::kDirectory, FileType::kCharDevice,
                                        FileType::kBlockDevice, FileType::kFifo};
  const auto number = static_cast<unsigned>(type);
  if (number == 7) return FileType::kSymlink;
  return number >= 1 && number <= 5 ? std::optional(kTypes[number - 1]) : std::nullopt;
}

bool good_name(std::string_view name) {
  return !name.empty() && name.size() <= 255 && name.find('/') == name.npos && name.find('\0') == name.npos;
}

}  // namespace

Result<ErofsReader> ErofsReader::open(ErofsSource& source, std::uint64_t image_size, std::uint64_t data_size) {
  ErofsReader reader(source, image_size, data_size);
  std::array<std::byte, kErofsHead> head{};
  TRY(reader.read(0, head));
  (void)TRY(read_erofs_uuid(head));
  const std::byte* super = head.data() + kErofsSuperOffset;
  if (super[12] != std::byte{9} || get<std::uint16_t>(super + 86) != 1 ||
      get<std::uint32_t>(super + 40) != kErofsHead / kErofsBlock)
    return corrupt("not of our writer, or not of one layer");
  const std::size_t slot = std::size_t{get<std::uint16_t>(super + 88)} * 128;
  if (slot + 128 > head.size()) return corrupt("its device slot lies outside of its head");
  reader.mapped_ = get<std::uint32_t>(head.data() + slot + 68);
  reader.root_ = get<std::uint16_t>(super + 14);
  return reader;
}

Result<> ErofsReader::read(std::uint64_t offset, std::span<std::byte> buffer) {
  if (offset > image_size_ || buffer.size() > image_size_ - offset) return corrupt("it points beyond its end");
  while (!buffer.empty()) {
    const std::uint64_t start = offset / kWindow * kWindow;
    Window& window = windows_[(offset / kWindow) % kWindows];
    if (window.offset != start) {
      window.bytes.resize(kWindow);
      window.offset = ~std::uint64_t{0};
      window.size = TRY(source_->read(start, window.bytes));
      window.offset = start;
    }
    const std::size_t within = offset - start;
    if (within >= window.size) return corrupt("the file is shorter than recorded");
    const std::size_t count = std::min(buffer.size(), window.size - within);
    std::memcpy(buffer.data(), window.bytes.data() + within, count);
    buffer = buffer.subspan(count);
    offset += count;
  }
  return {};
}

Result<ErofsNode> ErofsReader::root() {
  ErofsNode node = TRY(this->node(root_));
  if (node.type != FileType::kDirectory) return corrupt("its root is no directory");
  return node;
}

Result<ErofsNode> ErofsReader::node(std::uint64_t number) {
  if (number > kErofsMaxImage / 32) return corrupt("an inode beyond its end");
  ErofsNode node;
  node.number = number;
  node.offset = kErofsHead + number * 32;
  std::array<std::byte, kInodeSize> bytes;
  TRY(read(node.offset, bytes));
  const std::byte* at = bytes.data();
  const auto format = get<std::uint16_t>(at);
  node.layout = format >> 1;
  if ((format & 1) == 0 || (node.layout != kPlain && node.layout != kInline && node.layout != kChunks))
    return corrupt("an inode of a form that our writer does not use");
  const auto xattr_count = get<std::uint16_t>(at + 2);
  node.xattr_bytes = xattr_count == 0 ? 0 : kXattrHeader + 4 * (xattr_count - 1u);
  const auto mode = get<std::uint16_t>(at + 4);
  const auto type = type_of(mode);
  if (!type) return corrupt("an inode of no type");
  node.type = *type;
  node.mode = mode & 07777;
  node.size = get<std::uint64_t>(at + 8);
  node.data = get<std::uint32_t>(at + 16);
  node.uid = get<std::uint32_t>(at + 24);
  node.gid = get<std::uint32_t>(at + 28);
  node.mtime_sec = get<std::int64_t>(at + 32);
  node.mtime_nsec = get<std::uint32_t>(at + 40);
  node.nlink = get<std::uint32_t>(at + 44);
  if (node.mtime_nsec >= 1'000'000'000) return corrupt("a time that is none");
  if (node.type == FileType::kFile ? node.size > kErofsMaxFile : node.size > image_size_)
    return corrupt("an inode with an impossible size");
  if (node.type == FileType::kCharDevice || node.type == FileType::kBlockDevice) {
    node.dev_major = (node.data >> 8) & 0xFFF;
    node.dev_minor = (node.data & 0xFF) | ((node.data >> 12) & ~0xFFu);
  }
  return node;
}

Result<> ErofsReader::read_content(const ErofsNode& node, std::uint64_t offset, std::span<std::byte> buffer) {
  if (node.layout == kChunks) return corrupt("text in chunks");
  const std::uint64_t blocks_end = node.layout == kInline ? node.size / kErofsBlock * kErofsBlock : node.size;
  while (!buffer.empty()) {
    if (offset >= blocks_end) return read(node.offset + kInodeSize + node.xattr_bytes + (offset - blocks_end), buffer);
    const auto piece = buffer.first(std::min<std::uint64_t>(buffer.size(), blocks_end - offset));
    TRY(read(node.data * kErofsBlock + offset, piece));
    buffer = buffer.subspan(piece.size());
    offset += piece.size();
  }
  return {};
}

Result<std::vector<ErofsName>> ErofsReader::directory(const ErofsNode& node, std::uint64_t parent) {
  std::vector<ErofsName> names;
  std::array<std::byte, kErofsBlock> block;
  bool dot = false, dots = false;
  std::uint64_t last_directory = node.number;
  for (std::uint64_t offset = 0; offset < node.size; offset += kErofsBlock) {
    const auto bytes = std::span(block).first(std::min<std::uint64_t>(kErofsBlock, node.size - offset));
    TRY(read_content(node, offset, bytes));
    if (bytes.size() < kDirentSize) return corrupt("a directory's block is cut off");
    const std::size_t first_name = get<std::uint16_t>(bytes.data() + 8);
    if (first_name == 0 || first_name % kDirentSize != 0 || first_name >= bytes.size())
      return corrupt("a directory's block has no good entries");
    const std::size_t count = first_name / kDirentSize;
    for (std::size_t i = 0; i < count; ++i) {
      const std::byte* at = bytes.data() + i * kDirentSize;
      const std::size_t from = get<std::uint16_t>(at + 8);
      const std::size_t to = i + 1 < count ? get<std::uint16_t>(at + kDirentSize + 8) : bytes.size();
      if (from < first_name || to < from || to > bytes.size()) return corrupt("a directory's names overlap");
      std::string_view name(reinterpret_cast<const char*>(bytes.data()) + from, to - from);
      if (i + 1 == count) name = name.substr(0, name.find('\0'));  // a block that is not the last may be padded
      const auto number = get<std::uint64_t>(at);
      if (name == ".") {
        if (number != node.number || std::exchange(dot, true)) return corrupt("a directory is not itself");
        continue;
      }
      if (name == "..") {
        if (number != parent || std::exchange(dots, true)) return corrupt("a directory has two parents");
        continue;
      }
      if (!good_name(name)) return corrupt("a name that is none");
      if (!names.empty() && name <= names.back().name) return corrupt("names out of order");
      const auto type = type_of_name(at[10]);
      if (!type) return corrupt("a name of no type");
      // As they are written: so no directory can be met twice.
      if (type == FileType::kDirectory && number <= std::exchange(last_directory, number))
        return corrupt("directories out of order");
      names.push_back({std::string(name), number, *type});
    }
  }
  if (!dot || !dots) return corrupt("a directory without . or ..");
  return names;
}

Result<std::string> ErofsReader::target(const ErofsNode& node) {
  if (node.size == 0 || node.size > 4095) return corrupt("a symlink's target is too long, or empty");
  std::string text(node.size, '\0');
  TRY(read_content(node, 0, std::as_writable_bytes(std::span(text))));
  if (text.find('\0') != text.npos) return corrupt("a NUL in a symlink's target");
  return text;
}

Result<XattrSet> ErofsReader::xattrs(const ErofsNode& node) {
  XattrSet set;
  if (node.xattr_bytes <= kXattrHeader) return set;
  std::vector<std::byte> bytes(node.xattr_bytes);
  TRY(read(node.offset + kInodeSize, bytes));
  if (bytes[4] != std::byte{0}) return corrupt("shared xattrs");
  for (std::size_t at = kXattrHeader; at < bytes.size();) {
    if (bytes.size() - at < 4) return corrupt("an xattr is cut off");
    const auto name_size = static_cast<std::size_t>(bytes[at]);
    const std::size_t value_size = get<std::uint16_t>(bytes.data() + at + 2);
    const auto prefix = erofs_xattr_prefix(static_cast<std::uint8_t>(bytes[at + 1]));
    if (!prefix || bytes.size() - at - 4 < name_size + value_size) return corrupt("an xattr that is none");
    const char* text = reinterpret_cast<const char*>(bytes.data()) + at + 4;
    std::string name = std::string(*prefix) + std::string(text, name_size);
    if (name.find('\0') != name.npos || !erofs_can_hold_xattr(name, value_size)) return corrupt("an xattr's name");
    set.emplace_back(std::move(name), std::string(text + name_size, value_size));
    at += (4 + name_size + value_size + 3) / 4 * 4;
  }
  return set;
}

Result<> ErofsReader::check_piece(const ErofsPiece& piece) const {
  // A file's last block may end behind the tar's last byte only if the tar was cut.
  const std::uint64_t end = piece.in_image ? image_size_ : data_size_;
  if (piece.stored_offset > end || piece.length > end - piece.stored_offset)
    return corrupt("a file's data lies nowhere");
  return {};
}

Result<std::vector<ErofsPiece>> ErofsReader::pieces(const ErofsNode& node) {
  if (node.type != FileType::kFile || node.size == 0) return std::vector<ErofsPiece>();
  if (node.layout == kChunks) return chunks(node);
  if (node.layout != kPlain || node.data < mapped_) return corrupt("a file's data lies nowhere");
  const ErofsPiece whole{0, node.size, (node.data - std::uint64_t{mapped_}) * kErofsBlock, false};
  TRY(check_piece(whole));
  return std::vector<ErofsPiece>{whole};
}

Result<std::vector<ErofsPiece>> ErofsReader::chunks(const ErofsNode& node) {
  const std::uint64_t size = kErofsBlock << (node.data & 0x1F);
  if ((node.data & ~0x1Fu) != 0x20) return corrupt("chunks of a form that our writer does not use");
  const std::uint64_t count = (node.size + size - 1) / size;
  const std::uint64_t table = (node.offset + kInodeSize + node.xattr_bytes + 7) / 8 * 8;
  if (count > image_size_ / 8) return corrupt("more chunks than its size allows");
  std::vector<ErofsPiece> pieces;
  for (std::uint64_t i = 0; i < count; ++i) {
    std::array<std::byte, 8> entry;
    TRY(read(table + i * 8, entry));
    const auto device = get<std::uint16_t>(entry.data() + 2);
    const auto block = get<std::uint32_t>(entry.data() + 4);
    if (block == kNullBlock) continue;
    if (device > 1) return corrupt("a chunk of an unknown device");
    ErofsPiece piece{i * size, std::min(size, node.size - i * size), block * kErofsBlock, device == 0};
    TRY(check_piece(piece));
    if (!pieces.empty()) {
      ErofsPiece& last = pieces.back();
      if (last.in_image == piece.in_image && last.offset + last.length == piece.offset &&
          last.stored_offset + last.length == piece.stored_offset) {
        last.length += piece.length;
        continue;
      }
    }
    pieces.push_back(piece);
  }
  return pieces;
}

}  // namespace strata::codec
