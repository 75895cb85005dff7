#include "codec/coder.h"

#include <algorithm>

namespace strata::codec {
namespace {
constexpr std::size_t kInputSize = 128 << 10;
constexpr std::size_t kOutputSize = 128 << 10;
// Libraries cut their output where the caller cuts the input; equal chunks make equal bytes.
constexpr std::size_t kChunkSize = 128 << 10;
}  // namespace

DecodingSource::DecodingSource(std::unique_ptr<Decoder> decoder, ByteSource& in)
    : decoder_(std::move(decoder)), in_(in), buffer_(kInputSize) {}

Result<bool> DecodingSource::begin_member() {
  const auto used = std::find_if(input_.begin(), input_.end(), [](std::byte b) { return b != std::byte{0}; });
  input_ = input_.subspan(static_cast<std::size_t>(used - input_.begin()));
  if (input_.empty()) return false;
  TRY(decoder_->restart());
  between_members_ = false;
  return true;
}

Result<std::size_t> DecodingSource::read(std::span<std::byte> buffer) {
  std::span<std::byte> out = buffer;
  while (!finished_ && out.size() == buffer.size()) {
    if (input_.empty() && !input_ended_) {
      const std::size_t got = TRY(in_.read(buffer_));
      input_ = std::span<const std::byte>(buffer_).first(got);
      input_ended_ = got == 0;
    }
    if (between_members_ && !TRY(begin_member())) {
      finished_ = input_ended_;
      continue;
    }
    const std::size_t had = input_.size();
    between_members_ = TRY(decoder_->step(input_, out), "{}", decoder_->name());
    const bool stuck = !between_members_ && input_.size() == had && out.size() == buffer.size();
    if (stuck && input_ended_)
      return error(ErrorKind::kCorrupt, "{}: the compressed data ends too early", decoder_->name());
    if (stuck && had > 0) return error(ErrorKind::kCorrupt, "{}: the decoder does not go on", decoder_->name());
  }
  return buffer.size() - out.size();
}

EncodingSink::EncodingSink(std::unique_ptr<Encoder> encoder, ByteSink& out)
    : encoder_(std::move(encoder)), out_(out), output_(kOutputSize) {
  pending_.reserve(kChunkSize);
}

Result<> EncodingSink::encode(std::span<const std::byte> bytes, bool last) {
  bool done = false;
  while (!bytes.empty() || (last && !done)) {
    std::span<std::byte> out = output_;
    done = TRY(encoder_->step(bytes, out, last));
    TRY(out_.write(std::span(output_).first(output_.size() - out.size())));
  }
  return {};
}

Result<> EncodingSink::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    if (pending_.empty() && bytes.size() >= kChunkSize) {
      TRY(encode(bytes.first(kChunkSize), false));
      bytes = bytes.subspan(kChunkSize);
      continue;
    }
    const auto part = bytes.first(std::min(bytes.size(), kChunkSize - pending_.size()));
    pending_.insert(pending_.end(), part.begin(), part.end());
    bytes = bytes.subspan(part.size());
    if (pending_.size() < kChunkSize) break;
    TRY(encode(pending_, false));
    pending_.clear();
  }
  return {};
}

Result<> EncodingSink::finish() {
  TRY(encode(pending_, true));
  pending_.clear();
  return {};
}

}  // namespace strata::codec
