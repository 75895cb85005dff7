#include "codec/byte_stream.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace strata::codec {
namespace {
constexpr std::size_t kCopySize = 128 << 10;
}

Result<std::uint64_t> ByteSource::skip(std::uint64_t count) {
  std::array<std::byte, 32 << 10> unwanted;
  std::uint64_t skipped = 0;
  while (skipped < count) {
    const std::size_t most = std::min<std::uint64_t>(count - skipped, unwanted.size());
    const std::size_t got = TRY(read(std::span(unwanted).first(most)));
    if (got == 0) break;
    skipped += got;
  }
  return skipped;
}

Result<std::size_t> read_full(ByteSource& source, std::span<std::byte> buffer) {
  std::size_t have = 0;
  while (have < buffer.size()) {
    const std::size_t got = TRY(source.read(buffer.subspan(have)));
    if (got == 0) break;
    have += got;
  }
  return have;
}

Result<std::uint64_t> copy_all(ByteSource& source, ByteSink& sink) {
  std::vector<std::byte> buffer(kCopySize);
  std::uint64_t total = 0;
  while (const std::size_t got = TRY(source.read(buffer))) {
    TRY(sink.write(std::span(buffer).first(got)));
    total += got;
  }
  return total;
}

Result<std::string> read_all(ByteSource& source, std::size_t limit) {
  std::string all;
  std::vector<std::byte> buffer(kCopySize);
  while (const std::size_t got = TRY(source.read(buffer))) {
    if (got > limit - all.size()) return error(ErrorKind::kResourceExhausted, "more than the limit of {} bytes", limit);
    all.append(reinterpret_cast<const char*>(buffer.data()), got);
  }
  return all;
}

Result<std::size_t> MemorySource::read(std::span<std::byte> buffer) {
  const std::size_t count = std::min(buffer.size(), rest_.size());
  if (count > 0) std::memcpy(buffer.data(), rest_.data(), count);
  rest_ = rest_.subspan(count);
  return count;
}

Result<> MemorySink::write(std::span<const std::byte> bytes) {
  bytes_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return {};
}

Result<std::unique_ptr<PeekedSource>> PeekedSource::create(ByteSource& in, std::size_t count) {
  std::unique_ptr<PeekedSource> peeked(new PeekedSource(in));
  peeked->head_.resize(count);
  peeked->head_.resize(TRY(read_full(in, std::as_writable_bytes(std::span(peeked->head_)))));
  return peeked;
}

Result<std::size_t> PeekedSource::read(std::span<std::byte> buffer) {
  if (used_ == head_.size()) return in_.read(buffer);
  const std::size_t count = std::min(buffer.size(), head_.size() - used_);
  std::memcpy(buffer.data(), head_.data() + used_, count);
  used_ += count;
  return count;
}

}  // namespace strata::codec
