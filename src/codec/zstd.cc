#include <zstd.h>
#include <zstd_errors.h>

#include <bit>

#include "codec/coder.h"

namespace strata::codec {
namespace {

Error zstd_error(std::size_t code) {
  switch (ZSTD_getErrorCode(code)) {
    case ZSTD_error_frameParameter_windowTooLarge:
      return error(ErrorKind::kResourceExhausted, "the window is beyond the limit of {} bytes",
                   kMaxWindowSize);
    case ZSTD_error_memory_allocation:
      return error(ErrorKind::kResourceExhausted, "out of memory");
    default:
      return error(ErrorKind::kCorrupt, "{}", ZSTD_getErrorName(code));
  }
}

class ZstdDecoder final : public Decoder {
 public:
  ~ZstdDecoder() override { ZSTD_freeDCtx(context_); }
  Result<> open() {
    context_ = ZSTD_createDCtx();
    if (context_ == nullptr) return error(ErrorKind::kResourceExhausted, "out of memory");
    constexpr int kWindowLog = std::countr_zero(kMaxWindowSize);
    const std::size_t code = ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, kWindowLog);
    if (ZSTD_isError(code)) return zstd_error(code);
    return {};
  }
  std::string_view name() const override { return "zstd"; }
  Result<bool> step(std::span<const std::byte>& in, std::span<std::byte>& out) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t code = ZSTD_decompressStream(context_, &output, &input);
    in = in.subspan(input.pos);
    out = out.subspan(output.pos);
    if (ZSTD_isError(code)) return zstd_error(code);
    return code == 0;
  }
  Result<> restart() override { return {}; }  // it goes on by itself

 private:
  ZSTD_DCtx* context_ = nullptr;
};

class ZstdEncoder final : public Encoder {
 public:
  ~ZstdEncoder() override { ZSTD_freeCCtx(context_); }
  Result<> open(int level) {
    if (level < 1 || level > ZSTD_maxCLevel())
      return error(ErrorKind::kInvalidArgument, "zstd has no level {}", level);
    context_ = ZSTD_createCCtx();
    if (context_ == nullptr) return error(ErrorKind::kResourceExhausted, "out of memory");
    const std::size_t code = ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
    if (ZSTD_isError(code)) return zstd_error(code);
    return {};
  }
  Result<bool> step(std::span<const std::byte>& in, std::span<std::byte>& out, bool last) override {
    ZSTD_inBuffer input{in.data(), in.size(), 0};
    ZSTD_outBuffer output{out.data(), out.size(), 0};
    const std::size_t code =
        ZSTD_compressStream2(context_, &output, &input, last ? ZSTD_e_end : ZSTD_e_continue);
    in = in.subspan(input.pos);
    out = out.subspan(output.pos);
    if (ZSTD_isError(code)) return error(ErrorKind::kInternal, "zstd: {}", ZSTD_getErrorName(code));
    return last && code == 0;
  }

 private:
  ZSTD_CCtx* context_ = nullptr;
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_zstd_decoder() {
  auto decoder = std::make_unique<ZstdDecoder>();
  TRY(decoder->open());
  return decoder;
}

Result<std::unique_ptr<Encoder>> make_zstd_encoder(int level) {
  auto encoder = std::make_unique<ZstdEncoder>();
  TRY(encoder->open(level == kDefaultLevel ? 3 : level));
  return encoder;
}

}  // namespace strata::codec
