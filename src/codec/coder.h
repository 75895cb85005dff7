// Inside of codec: what all compressed formats share. A Decoder or Encoder wraps one library's
// stream; DecodingSource and EncodingSink feed it. Members that follow each other, padding,
// truncation and the cutting of writes are handled once, here.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/byte_stream.h"
#include "codec/compression.h"

namespace strata::codec {

class Decoder {
 public:
  virtual ~Decoder() = default;
  virtual std::string_view name() const = 0;
  // Takes from the front of `in` and fills the front of `out`, cutting both by what it used. True
  // at the end of a member (frame, stream). Doing neither means that it needs more input.
  virtual Result<bool> step(std::span<const std::byte>& in, std::span<std::byte>& out) = 0;
  // Makes ready for another member.
  virtual Result<> restart() = 0;
};

class DecodingSource final : public ByteSource {
 public:
  DecodingSource(std::unique_ptr<Decoder> decoder, ByteSource& in);
  Result<std::size_t> read(std::span<std::byte> buffer) override;

 private:
  Result<bool> begin_member();  // false: there is none

  std::unique_ptr<Decoder> decoder_;
  ByteSource& in_;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> input_;
  bool input_ended_ = false;
  bool between_members_ = false;
  bool finished_ = false;
};

class Encoder {
 public:
  virtual ~Encoder() = default;
  // As Decoder::step. With `last` there is no more input after `in`; true once all is written.
  virtual Result<bool> step(std::span<const std::byte>& in, std::span<std::byte>& out, bool last) = 0;
};

class EncodingSink final : public Compressor {
 public:
  EncodingSink(std::unique_ptr<Encoder> encoder, ByteSink& out);
  Result<> write(std::span<const std::byte> bytes) override;
  Result<> finish() override;

 private:
  Result<> encode(std::span<const std::byte> bytes, bool last);

  std::unique_ptr<Encoder> encoder_;
  ByteSink& out_;
  std::vector<std::byte> pending_;  // less than one chunk
  std::vector<std::byte> output_;
};

// One for each library.
Result<std::unique_ptr<Decoder>> make_zlib_decoder();
Result<std::unique_ptr<Decoder>> make_zstd_decoder(const WindowLimit& window);
Result<std::unique_ptr<Decoder>> make_xz_decoder(const WindowLimit& window);
Result<std::unique_ptr<Decoder>> make_bzip2_decoder();
Result<std::unique_ptr<Encoder>> make_zlib_encoder(int level);
Result<std::unique_ptr<Encoder>> make_zstd_encoder(int level);

}  // namespace strata::codec
