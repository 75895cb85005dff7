// ZSTD_getFrameHeader() is in the part that only static linking may use, which we do.
#define ZSTD_STATIC_LINKING_ONLY
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <utility>

#include "codec/coder.h"

namespace strata::codec {
namespace {

Error zstd_error(std::size_t code) {
  if (ZSTD_getErrorCode(code) == ZSTD_error_memory_allocation)
    return error(ErrorKind::kResourceExhausted, "out of memory");
  return error(ErrorKind::kCorrupt, "{}", ZSTD_getErrorName(code));
}

// A frame's header is collected first, so that its window is known before memory is taken for it.
class ZstdDecoder final : public Decoder {
 public:
  explicit ZstdDecoder(WindowLimit limit) : limit_(std::move(limit)) {}
  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }
  Result<> open() {
    context_ = ZSTD_createDCtx();
    if (context_ == nullptr) return error(ErrorKind::kResourceExhausted, "out of memory");
    // Ours is the limit that counts.
    const std::size_t code = ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, ZSTD_WINDOWLOG_MAX);
    if (ZSTD_isError(code)) return zstd_error(code);
    return {};
  }
  std::string_view name() const override { return "zstd"; }
  Result<bool> step(std::span<const std::byte>& in, std::span<std::byte>& out) override {
    if (!in_frame_ && !TRY(begin_frame(in))) return false;
    while (head_used_ < head_size_) {
      std::span<const std::byte> head = std::span(head_).first(head_size_).subspan(head_used_);
      const std::size_t before = head.size();
      if (TRY(decode(head, out))) return true;
      head_used_ += before - head.size();
      if (head.size() == before) return false;
    }
    return decode(in, out);
  }
  Result<> restart() override { return {}; }  // it goes on by itself

 private:
  // False when there is not all of the header yet.
  Result<bool> begin_frame(std::span<const std::byte>& in) {
    ZSTD_frameHeader header{};
    while (const std::size_t wanted = ZSTD_getFrameHeader(&header, head_.data(), head_size_)) {
      if (ZSTD_isError(wanted)) return zstd_error(wanted);
      const std::size_t count = std::min(in.size(), std::min(wanted, head_.size()) - head_size_);
      if (count == 0) return false;
      std::ranges::copy(in.first(count), head_.begin() + static_cast<std::ptrdiff_t>(head_size_));
      head_size_ += count;
      in = in.subspan(count);
    }
    if (header.frameType == ZSTD_frame) TRY(take_window(header.windowSize));
    in_frame_ = true;
    return true;
  }

  Result<> take_window(std::uint64_t size) {
    if (size > limit_.max)
      return error(ErrorKind::kResourceExhausted, "the window is beyond the limit of {} bytes", limit_.max);
    if (!limit_.take || size <= taken_) return {};
    ZSTD_freeDCtx(std::exchange(context_, nullptr));
    TRY(limit_.take(size));
    taken_ = size;
    return open();
  }

  Result<bool> decode(std::span<const std::byte>& in, std::span<std::byte>& out) {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t code = ZSTD_decompressStream(context_, &output, &input);
    in = in.subspan(input.pos);
    out = out.subspan(output.pos);
    if (ZSTD_isError(code)) return zstd_error(code);
    if (code != 0) return false;
    in_frame_ = false;
    head_size_ = head_used_ = 0;
    return true;
  }

  const WindowLimit limit_;
  std::uint64_t taken_ = 0;
  ZSTD_DCtx* context_ = nullptr;
  std::array<std::byte, ZSTD_FRAMEHEADERSIZE_MAX> head_{};
  std::size_t head_size_ = 0, head_used_ = 0;
  bool in_frame_ = false;
};

class ZstdEncoder final : public Encoder {
 public:
  ~ZstdEncoder() override { ZSTD_freeCCtx(context_); }
  Result<> open(int level) {
    if (level < 1 || level > ZSTD_maxCLevel()) return error(ErrorKind::kInvalidArgument, "zstd has no level {}", level);
    context_ = ZSTD_createCCtx();
    if (context_ == nullptr) return error(ErrorKind::kResourceExhausted, "out of memory");
    const std::size_t code = ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
    if (ZSTD_isError(code)) return zstd_error(code);
    return {};
  }
  Result<bool> step(std::span<const std::byte>& in, std::span<std::byte>& out, bool last) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t code = ZSTD_compressStream2(context_, &output, &input, last ? ZSTD_e_end : ZSTD_e_continue);
    in = in.subspan(input.pos);
    out = out.subspan(output.pos);
    if (ZSTD_isError(code)) return error(ErrorKind::kInternal, "zstd: {}", ZSTD_getErrorName(code));
    return last && code == 0;
  }

 private:
  ZSTD_CCtx* context_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_zstd_decoder(const WindowLimit& window) {
  auto decoder = std::make_unique<ZstdDecoder>(window);
  TRY(decoder->open());
  return decoder;
}

Result<std::unique_ptr<Encoder>> make_zstd_encoder(int level) {
  auto encoder = std::make_unique<ZstdEncoder>();
  TRY(encoder->open(level == kDefaultLevel ? 3 : level));
  return encoder;
}

}  // namespace strata::codec
