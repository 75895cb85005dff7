// The superblock of an image and what may be changed in one that exists.
#include "codec/erofs_head.h"

#include "codec/erofs_writer.h"

namespace strata::codec {
namespace {

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t c = i;
    for (int bit = 0; bit < 8; ++bit) c = (c >> 1) ^ ((c & 1) ? 0x82F63B78u : 0);
    table[i] = c;
  }
  return table;
}

}  // namespace

std::uint32_t erofs_head_checksum(std::span<const std::byte, kErofsHead> head) {
  static constexpr auto kTable = make_crc_table();
  std::uint32_t crc = ~0u;
  for (std::size_t i = kErofsSuperOffset; i < kErofsHead; ++i) {
    const bool in_field = i >= kErofsSuperOffset + 4 && i < kErofsSuperOffset + 8;
    const auto byte = in_field ? 0 : static_cast<std::uint8_t>(head[i]);
    crc = kTable[(crc ^ byte) & 0xFF] ^ (crc >> 8);
  }
  return crc;
}

void patch_erofs_inode(std::span<std::byte, 64> inode, const ErofsAttributes& attributes) {
  std::byte* at = inode.data();
  put<std::uint16_t>(at + 4,
                     static_cast<std::uint16_t>((get<std::uint16_t>(at + 4) & ~07777) | (attributes.mode & 07777)));
  put<std::uint32_t>(at + 24, attributes.uid);
  put<std::uint32_t>(at + 28, attributes.gid);
  put<std::int64_t>(at + 32, attributes.mtime_sec);
  put<std::uint32_t>(at + 40, attributes.mtime_nsec);
}

void patch_erofs_uuid(std::span<std::byte, kErofsHead> head, std::span<const std::byte, 16> uuid) {
  std::memcpy(head.data() + kErofsSuperOffset + 48, uuid.data(), 16);
  put<std::uint32_t>(head.data() + kErofsSuperOffset + 4, erofs_head_checksum(head));
}

Result<std::array<std::byte, 16>> read_erofs_uuid(std::span<const std::byte, kErofsHead> head) {
  const std::byte* super = head.data() + kErofsSuperOffset;
  if (get<std::uint32_t>(super) != kErofsMagic || get<std::uint32_t>(super + 4) != erofs_head_checksum(head))
    return error(ErrorKind::kCorrupt, "no EROFS superblock with a good checksum");
  std::array<std::byte, 16> uuid;
  std::memcpy(uuid.data(), super + 48, 16);
  return uuid;
}

}  // namespace strata::codec
