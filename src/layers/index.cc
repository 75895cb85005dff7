#include "layers/index.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "codec/erofs_writer.h"
#include "sys/file.h"
#include <fmt/core.h>

namespace strata::layers {
namespace {

class IndexFiles final : public codec::ErofsFiles {
 public:
  IndexFiles(const DataReader& read_data, int index) : read_data_(read_data), index_(index) {}

  Result<> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    static constexpr std::array<std::byte, 16 << 10> kZeros{};
    while (position_ < offset) {
      const auto gap = std::span(kZeros).first(std::min<std::uint64_t>(kZeros.size(), offset - position_));
      hash_.update(gap);
      position_ += gap.size();
    }
    hash_.update(bytes);
    position_ += bytes.size();
    return sys::pwrite_all(index_, bytes, offset);
  }

  Result<> read_data(std::uint64_t offset, std::span<std::byte> buffer) override { return read_data_(offset, buffer); }

  codec::Sha256Digest digest() { return hash_.finish(); }

 private:
  const DataReader& read_data_;
  int index_;
  std::uint64_t position_ = 0;
  codec::Sha256 hash_;
};

}  // namespace

std::array<std::byte, 16> index_uuid(std::string_view key) {
  const codec::Sha256Digest digest =
      codec::sha256(fmt::format("strata layer index, writer {}\n{}", codec::kErofsWriterVersion, key));
  std::array<std::byte, 16> uuid;
  std::memcpy(uuid.data(), digest.data(), uuid.size());
  // RFC 9562: version 8 (made as its maker likes), variant 10.
  uuid[6] = (uuid[6] & std::byte{0x0F}) | std::byte{0x80};
  uuid[8] = (uuid[8] & std::byte{0x3F}) | std::byte{0x80};
  return uuid;
}

Result<IndexInfo> write_index(const codec::ErofsTree& tree, std::string_view key, std::string_view diff_id_hex, int tar,
                              std::uint64_t tar_size, int index) {
  codec::ErofsOptions options;
  options.uuid = index_uuid(key);
  options.devices.push_back({std::string(diff_id_hex), tar_size});
  const auto read_tar = [tar](std::uint64_t offset, std::span<std::byte> buffer) -> Result<> {
    if (TRY(sys::pread_full(tar, buffer, offset)) != buffer.size())
      return error(ErrorKind::kCorrupt, "the tar ends before byte {}", offset + buffer.size());
    return {};
  };
  return write_index(tree, options, read_tar, index);
}

Result<IndexInfo> write_index(const codec::ErofsTree& tree, const codec::ErofsOptions& options,
                              const DataReader& read_data, int index) {
  IndexFiles files(read_data, index);
  codec::ErofsImage image = TRY(codec::write_erofs(tree, options, files), "index");
  return IndexInfo{image.size, files.digest(), std::move(image.inode_offsets)};
}

}  // namespace strata::layers
