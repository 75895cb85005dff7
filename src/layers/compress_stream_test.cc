#include "layers/compress_stream.h"

#include <unistd.h>

#include "base/strings.h"
#include "codec/sha256.h"
#include "sys/file.h"
#include "sys/memory_file.h"
#include <gtest/gtest.h>

namespace strata::layers {
namespace {

std::string hash(std::string_view text) {
  codec::Sha256 sha;
  sha.update(std::as_bytes(std::span(text)));
  return hex(sha.finish());
}

// Compressible, and no two chunks alike.
std::string content(std::size_t size) {
  std::string text;
  text.reserve(size + 20);
  for (std::uint32_t i = 0; text.size() < size; ++i) text += std::to_string(i * 2654435761U) + "\n";
  text.resize(size);
  return text;
}

struct Made {
  WorkerReport report;
  std::string bytes;
};

Made compress(const std::string& tar, codec::Compression compression, unsigned threads) {
  const auto in = sys::memory_file("tar", tar).value();
  const auto out = sys::memory_file("blob", "").value();
  CompressOptions options;
  options.tar = in.get();
  options.output = out.get();
  options.compression = compression;
  options.threads = threads;
  options.compress = [](codec::Compression how, codec::ByteSink& sink) { return codec::compress(how, sink, 1); };
  Made made;
  made.report = compress_stream(options).value();
  ::lseek(out.get(), 0, SEEK_SET);
  made.bytes = sys::read_fd(out.get(), 1 << 28).value();
  return made;
}

class CompressStream : public ::testing::TestWithParam<codec::Compression> {};

TEST_P(CompressStream, ComesBackAsItWas) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1024}, kCompressChunk, 3 * kCompressChunk + 512}) {
    const std::string tar = content(size);
    const Made made = compress(tar, GetParam(), 3);
    EXPECT_EQ(made.report.diff_id, hash(tar));
    EXPECT_EQ(made.report.tar_size, size);
    EXPECT_EQ(made.report.blob_digest, hash(made.bytes));
    EXPECT_EQ(made.report.blob_size, made.bytes.size());
    codec::MemorySource source(made.bytes);
    const auto inflated = codec::decompress(GetParam(), source).value();
    EXPECT_TRUE(codec::read_all(*inflated, 1 << 28).value() == tar) << size;
  }
}

TEST_P(CompressStream, TheNumberOfThreadsDoesNotShow) {
  const std::string tar = content(4 * kCompressChunk + 1);
  EXPECT_EQ(compress(tar, GetParam(), 1).report.blob_digest, compress(tar, GetParam(), 7).report.blob_digest);
}

TEST_P(CompressStream, AnOutputThatFailsIsAnError) {
  const auto in = sys::memory_file("tar", content(2 * kCompressChunk)).value();
  CompressOptions options;
  options.tar = in.get();
  const auto full = sys::open_file("/dev/full", O_WRONLY).value();
  options.output = full.get();
  options.compression = GetParam();
  options.threads = 2;
  options.compress = [](codec::Compression how, codec::ByteSink& sink) { return codec::compress(how, sink, 1); };
  const auto report = compress_stream(options);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().kind(), ErrorKind::kResourceExhausted);
}

INSTANTIATE_TEST_SUITE_P(Each, CompressStream, ::testing::Values(codec::Compression::kGzip, codec::Compression::kZstd));

}  // namespace
}  // namespace strata::layers
