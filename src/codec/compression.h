// Compressed streams: gzip (RFC 1952), zstd (RFC 8878), xz, bzip2. Memory is bounded whatever the
// input says; how far a stream may inflate is the business of the reader, who counts.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "codec/byte_stream.h"

namespace strata::codec {

enum class Compression { kNone, kGzip, kZstd, kXz, kBzip2 };

// "none", "gzip", "zstd", "xz", "bzip2"
std::string_view to_string(Compression compression);

// By the magic number in the first bytes of a stream (six are enough; fewer are compared as far as
// they go and give kNone when they do not suffice).
Compression detect_compression(std::span<const std::byte> head);
inline constexpr std::size_t kCompressionHeadSize = 6;

inline constexpr std::size_t kMaxWindowSize = 128 << 20;

// What a decoder of zstd or xz may take for its window; the others' are small.
struct WindowLimit {
  std::size_t max = kMaxWindowSize;
  // Told what a window will take before the memory is taken, and after what was taken before has been
  // given back; may wait, or refuse. Null: no one needs to know.
  std::function<Result<>(std::size_t bytes)> take;
};

// The inflated bytes of `in`, to its end: members, frames and streams that follow each other are
// one stream; zero bytes after the last are ignored (tapes and some tools pad), other bytes are
// not. Reading fails with kCorrupt when the input is damaged or ends early, and with
// kResourceExhausted when it wants more memory for its window than `window` allows. kNone passes the
// bytes on.
Result<std::unique_ptr<ByteSource>> decompress(Compression compression, ByteSource& in, const WindowLimit& window = {});
// The same with ISA-L for gzip (twice zlib's speed). In library codec_isal, which links a
// shared object: for worker programs only.
Result<std::unique_ptr<ByteSource>> decompress_fast(Compression compression, ByteSource& in,
                                                    const WindowLimit& window = {});

class Compressor : public ByteSink {
 public:
  // Writes what is left; call it once, last. Without it the output is not complete.
  virtual Result<> finish() = 0;
};

// kNone, kGzip (zlib level 6 by default) and kZstd (3 by default); others are kUnsupported. The
// same bytes in give the same bytes out with the same library, however they are cut into writes: no
// time, no name.
inline constexpr int kDefaultLevel = -1;
Result<std::unique_ptr<Compressor>> compress(Compression compression, ByteSink& out, int level = kDefaultLevel);
// The same with ISA-L for gzip (levels 0 to 3, 1 by default). In library codec_isal.
Result<std::unique_ptr<Compressor>> compress_fast(Compression compression, ByteSink& out, int level = kDefaultLevel);

}  // namespace strata::codec
