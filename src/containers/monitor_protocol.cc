#include "containers/monitor_protocol.h"

#include <algorithm>
#include <cstring>

namespace strata::containers {
namespace {

struct Header {
  std::uint8_t version;
  std::uint8_t type;
  std::uint16_t zero;
  std::uint32_t length;
};
static_assert(sizeof(Header) == kFrameHeaderSize);

}  // namespace

std::array<std::byte, kFrameHeaderSize> frame_header(FrameType type, std::size_t length) {
  const Header header{kMonitorProtocolVersion, static_cast<std::uint8_t>(type), 0, static_cast<std::uint32_t>(length)};
  std::array<std::byte, kFrameHeaderSize> bytes;
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

template <class T>
std::optional<T> payload_as(std::span<const std::byte> payload) {
  if (payload.size() < sizeof(T)) return std::nullopt;
  T value;
  std::memcpy(&value, payload.data(), sizeof value);
  return value;
}
template std::optional<Hello> payload_as(std::span<const std::byte>);
template std::optional<Resize> payload_as(std::span<const std::byte>);
template std::optional<Exit> payload_as(std::span<const std::byte>);
template std::optional<std::uint32_t> payload_as(std::span<const std::byte>);
template std::optional<std::int32_t> payload_as(std::span<const std::byte>);

std::span<std::byte> FrameDecoder::space() {
  if (begin_ > 0) {
    std::copy(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_.begin() + static_cast<std::ptrdiff_t>(end_), buffer_.begin());
    end_ -= begin_;
    begin_ = 0;
  }
  return buffer_.subspan(end_);
}

void FrameDecoder::filled(std::size_t count) { end_ = std::min(end_ + count, buffer_.size()); }

Result<std::optional<Frame>> FrameDecoder::next() {
  const auto waiting = std::span<const std::byte>(buffer_).subspan(begin_, end_ - begin_);
  if (waiting.size() < sizeof(Header)) return std::optional<Frame>();
  Header header;
  std::memcpy(&header, waiting.data(), sizeof header);
  if (header.length > kMaxPayload || header.length > buffer_.size() - sizeof header)
    return Error(ErrorKind::kCorrupt, "the peer sent a frame of more than 32 KiB");
  if (waiting.size() < sizeof header + header.length) return std::optional<Frame>();
  begin_ += sizeof header + header.length;
  return std::optional(
      Frame{header.version, static_cast<FrameType>(header.type), waiting.subspan(sizeof header, header.length)});
}

}  // namespace strata::containers
