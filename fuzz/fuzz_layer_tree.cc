// Layers of any bytes: whatever the tar reader accepts becomes a tree or an error, and a tree becomes an
// index whose files stay inside it. The seeds are the tar reader's.
#include <cstdint>
#include <cstring>
#include <string>

#include "base/check.h"
#include "codec/erofs_writer.h"
#include "codec/tar_header.h"
#include "codec/tar_reader.h"
#include "layers/layer_tree.h"

using namespace strata;

namespace {

std::string with_checksums(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  codec::TarBlock block;
  for (std::size_t at = 0; at + codec::kTarBlockSize <= bytes.size(); at += codec::kTarBlockSize) {
    std::memcpy(block.bytes.data(), bytes.data() + at, codec::kTarBlockSize);
    if (!block.field(codec::kTarMagic).starts_with("ustar") && at != 0) continue;
    format_tar_number(block, codec::kTarChecksum, static_cast<std::uint64_t>(block.unsigned_checksum()));
    std::memcpy(bytes.data() + at, block.bytes.data(), codec::kTarBlockSize);
  }
  return bytes;
}

class Files final : public codec::ErofsFiles {
 public:
  explicit Files(const std::string& tar) : tar_(tar) {}
  Result<> write(std::uint64_t offset, std::span<const std::byte> bytes) override {
    CHECK(offset >= end_);
    end_ = offset + bytes.size();
    return {};
  }
  Result<> read_data(std::uint64_t offset, std::span<std::byte> buffer) override {
    CHECK(offset + buffer.size() <= tar_.size());
    std::memcpy(buffer.data(), tar_.data() + offset, buffer.size());
    return {};
  }
  std::uint64_t end() const { return end_; }

 private:
  const std::string& tar_;
  std::uint64_t end_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string tar = with_checksums(data, size);
  codec::MemorySource source(tar);
  codec::TarReader reader(source);
  layers::LayerTree tree({.max_entries = 10'000, .max_metadata = 16 << 20});
  for (;;) {
    auto entry = reader.next();
    if (!entry) return 0;
    if (!*entry) break;
    if (!tree.add(**entry)) return 0;
  }
  if (!tree.finish()) return 0;
  Files files(tar);
  const auto image = codec::write_erofs(tree.tree(), {.devices = {{"tar", tar.size()}}}, files);
  if (!image) return 0;
  CHECK(image->size % codec::kErofsBlock == 0 && image->size >= files.end());
  for (const std::uint64_t offset : image->inode_offsets)
    CHECK(offset == 0 || (offset >= codec::kErofsHead && offset + 64 <= image->size));
  return 0;
}
