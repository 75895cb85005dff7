// gzip through zlib: for `strata` itself, and where ISA-L is not linked.
#include <zlib.h>

#include <algorithm>

#include "codec/coder.h"

namespace strata::codec {
namespace {

// 32 KB window, and gzip's wrapping alone.
constexpr int kWindowBits = 15 + 16;

Error zlib_error(int code, const z_stream& stream) {
  if (code == Z_MEM_ERROR) return error(ErrorKind::kResourceExhausted, "out of memory");
  return error(ErrorKind::kCorrupt, "{}", stream.msg != nullptr ? stream.msg : "damaged data");
}

void point(z_stream& stream, std::span<const std::byte> in, std::span<std::byte> out) {
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
  stream.avail_in = static_cast<uInt>(std::min<std::size_t>(in.size(), 1 << 30));
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(std::min<std::size_t>(out.size(), 1 << 30));
}

void advance(const z_stream& stream, std::span<const std::byte>& in, std::span<std::byte>& out) {
  in = in.subspan(static_cast<std::size_t>(reinterpret_cast<const std::byte*>(stream.next_in) - in.data()));
  out = out.subspan(static_cast<std::size_t>(reinterpret_cast<std::byte*>(stream.next_out) - out.data()));
}

class ZlibDecoder final : public Decoder {
 public:
  ~ZlibDecoder() override { inflateEnd(&stream_); }
  Result<> open() {
    const int code = inflateInit2(&stream_, kWindowBits);
    if (code != Z_OK) return zlib_error(code, stream_);
    return {};
  }
  std::string_view name() const override { return "gzip"; }
  Result<bool> step(std::span<const std::byte>& in, std::span<std::byte>& out) override {
    point(stream_, in, out);
    const int code = inflate(&stream_, Z_NO_FLUSH);
    advance(stream_, in, out);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return zlib_error(code, stream_);
    return code == Z_STREAM_END;
  }
  Result<> restart() override {
    inflateReset(&stream_);
    return {};
  }

 private:
  z_stream stream_{};
};

class ZlibEncoder final : public Encoder {
 public:
  ~ZlibEncoder() override { deflateEnd(&stream_); }
  Result<> open(int level) {
    // Without a gzip header given, zlib writes one without time and name.
    const int code = deflateInit2(&stream_, level, Z_DEFLATED, kWindowBits, 9, Z_DEFAULT_STRATEGY);
    if (code == Z_STREAM_ERROR) return error(ErrorKind::kInvalidArgument, "gzip has no level {}", level);
    if (code != Z_OK) return zlib_error(code, stream_);
    return {};
  }
  Result<bool> step(std::span<const std::byte>& in, std::span<std::byte>& out, bool last) override {
    point(stream_, in, out);
    const int code = deflate(&stream_, last ? Z_FINISH : Z_NO_FLUSH);
    advance(stream_, in, out);
    if (code == Z_STREAM_ERROR) return error(ErrorKind::kInternal, "gzip: written to after its end");
    return code == Z_STREAM_END;
  }

 private:
  z_stream stream_{};
};

}  // namespace

Result<std::unique_ptr<Decoder>> make_zlib_decoder() {
  auto decoder = std::make_unique<ZlibDecoder>();
  TRY(decoder->open());
  return decoder;
}

Result<std::unique_ptr<Encoder>> make_zlib_encoder(int level) {
  auto encoder = std::make_unique<ZlibEncoder>();
  TRY(encoder->open(level == kDefaultLevel ? 6 : level));
  return encoder;
}

}  // namespace strata::codec
