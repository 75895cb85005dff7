#include <lzma.h>

#include "codec/coder.h"

namespace strata::codec {
namespace {

class XzDecoder final : public Decoder {
 public:
  explicit XzDecoder(std::size_t max_memory) : max_memory_(max_memory) {}
  ~XzDecoder() override { lzma_end(&stream_); }
  std::string_view name() const override { return "xz"; }
  Result<bool> step(std::span<const std::byte>& in, std::span<std::byte>& out) override {
    stream_.next_in = reinterpret_cast<const std::uint8_t*>(in.data());
    stream_.avail_in = in.size();
    stream_.next_out = reinterpret_cast<std::uint8_t*>(out.data());
    stream_.avail_out = out.size();
    const lzma_ret code = lzma_code(&stream_, LZMA_RUN);
    in = in.last(stream_.avail_in);
    out = out.last(stream_.avail_out);
    switch (code) {
      case LZMA_STREAM_END:
        return true;
      case LZMA_OK:
      case LZMA_BUF_ERROR:
        return false;
      case LZMA_MEM_ERROR:
        return error(ErrorKind::kResourceExhausted, "out of memory");
      case LZMA_MEMLIMIT_ERROR:
        return error(ErrorKind::kResourceExhausted, "the dictionary is beyond the limit of {} bytes", max_memory_);
      case LZMA_FORMAT_ERROR:
        return error(ErrorKind::kCorrupt, "not in the xz format");
      case LZMA_OPTIONS_ERROR:
        return error(ErrorKind::kUnsupported, "unknown options");
      default:
        return error(ErrorKind::kCorrupt, "damaged data");
    }
  }
  Result<> restart() override {
    if (lzma_stream_decoder(&stream_, max_memory_, 0) != LZMA_OK)
      return error(ErrorKind::kResourceExhausted, "out of memory");
    return {};
  }

 private:
  std::size_t max_memory_;
  lzma_stream stream_ = LZMA_STREAM_INIT;
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_xz_decoder(const WindowLimit& window) {
  // How large its dictionary is shows only inside; what it may have is asked for.
  if (window.take) TRY(window.take(window.max));
  auto decoder = std::make_unique<XzDecoder>(window.max);
  TRY(decoder->restart());
  return decoder;
}

}  // namespace strata::codec
