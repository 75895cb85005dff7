#include <bzlib.h>

#include <algorithm>

#include "codec/coder.h"

namespace strata::codec {
namespace {

class Bzip2Decoder final : public Decoder {
 public:
  ~Bzip2Decoder() override { BZ2_bzDecompressEnd(&stream_); }
  std::string_view name() const override { return "bzip2"; }
  Result<bool> step(std::span<const std::byte>& in, std::span<std::byte>& out) override {
    stream_.next_in = reinterpret_cast<char*>(const_cast<std::byte*>(in.data()));
    stream_.avail_in = static_cast<unsigned>(std::min<std::size_t>(in.size(), 1 << 30));
    stream_.next_out = reinterpret_cast<char*>(out.data());
    stream_.avail_out = static_cast<unsigned>(std::min<std::size_t>(out.size(), 1 << 30));
    const int code = BZ2_bzDecompress(&stream_);
    in = in.subspan(static_cast<std::size_t>(reinterpret_cast<std::byte*>(stream_.next_in) - in.data()));
    out = out.subspan(static_cast<std::size_t>(reinterpret_cast<std::byte*>(stream_.next_out) - out.data()));
    if (code == BZ_MEM_ERROR) return error(ErrorKind::kResourceExhausted, "out of memory");
    if (code != BZ_OK && code != BZ_STREAM_END) return error(ErrorKind::kCorrupt, "damaged data");
    return code == BZ_STREAM_END;
  }
  Result<> restart() override {
    BZ2_bzDecompressEnd(&stream_);
    stream_ = {};
    if (BZ2_bzDecompressInit(&stream_, 0, 0) != BZ_OK) return error(ErrorKind::kResourceExhausted, "out of memory");
    return {};
  }

 private:
  bz_stream stream_{};
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_bzip2_decoder() {
  auto decoder = std::make_unique<Bzip2Decoder>();
  TRY(decoder->restart());
  return decoder;
}

}  // namespace strata::codec
