#include "codec/compression.h"

#include "codec/coder.h"

namespace strata::codec {
namespace {

class PlainSource final : public ByteSource {
 public:
  explicit PlainSource(ByteSource& in) : in_(in) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override { return in_.read(buffer); }

 private:
  ByteSource& in_;
};

class PlainSink final : public Compressor {
 public:
  explicit PlainSink(ByteSink& out) : out_(out) {}
  Result<> write(std::span<const std::byte> bytes) override { return out_.write(bytes); }
  Result<> finish() override { return {}; }

 private:
  ByteSink& out_;
};

}  // namespace

std::string_view to_string(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return "none";
    case Compression::kGzip:
      return "gzip";
    case Compression::kZstd:
      return "zstd";
    case Compression::kXz:
      return "xz";
    case Compression::kBzip2:
      return "bzip2";
  }
  return "unknown";
}

Compression detect_compression(std::span<const std::byte> head) {
  const std::string_view text(reinterpret_cast<const char*>(head.data()), head.size());
  using namespace std::string_view_literals;
  if (text.starts_with("\x1f\x8b\x08"sv)) return Compression::kGzip;
  // A zstd frame, or one of the sixteen that decoders skip (zstd:chunked begins with none, but
  // others may).
  if (text.starts_with("\x28\xb5\x2f\xfd"sv)) return Compression::kZstd;
  if (text.size() >= 4 && text.substr(1, 3) == "\x2a\x4d\x18"sv && (text[0] & 0xf0) == 0x50) return Compression::kZstd;
  if (text.starts_with("\xfd"
                       "7zXZ\0"sv))
    return Compression::kXz;
  if (text.starts_with("BZh") && text.size() >= 4 && text[3] >= '1' && text[3] <= '9') return Compression::kBzip2;
  return Compression::kNone;
}

Result<std::unique_ptr<ByteSource>> decompress(Compression compression, ByteSource& in, const WindowLimit& window) {
  std::unique_ptr<Decoder> decoder;
  switch (compression) {
    case Compression::kNone:
      return std::make_unique<PlainSource>(in);
    case Compression::kGzip:
      decoder = TRY(make_zlib_decoder());
      break;
    case Compression::kZstd:
      decoder = TRY(make_zstd_decoder(window));
      break;
    case Compression::kXz:
      decoder = TRY(make_xz_decoder(window));
      break;
    case Compression::kBzip2:
      decoder = TRY(make_bzip2_decoder());
      break;
  }
  return std::make_unique<DecodingSource>(std::move(decoder), in);
}

Result<std::unique_ptr<Compressor>> compress(Compression compression, ByteSink& out, int level) {
  std::unique_ptr<Encoder> encoder;
  switch (compression) {
    case Compression::kNone:
      return std::make_unique<PlainSink>(out);
    case Compression::kGzip:
      encoder = TRY(make_zlib_encoder(level));
      break;
    case Compression::kZstd:
      encoder = TRY(make_zstd_encoder(level));
      break;
    default:
      return error(ErrorKind::kUnsupported, "compressing with {} is not supported", to_string(compression));
  }
  return std::make_unique<EncodingSink>(std::move(encoder), out);
}

}  // namespace strata::codec
