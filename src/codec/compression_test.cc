// One suite for both families: libcodec's own libraries, and ISA-L's gzip.
#include "codec/compression.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/strings.h"
#include "codec/sha256.h"
#include <gtest/gtest.h>

namespace strata::codec {
namespace {

using DecompressFunction = decltype(&decompress);
using CompressFunction = Result<std::unique_ptr<Compressor>> (*)(Compression, ByteSink&, int);

// Gives few bytes at a time, as a slow peer does.
class Trickle final : public ByteSource {
 public:
  Trickle(std::string_view bytes, std::size_t most) : in_(bytes), most_(most) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override {
    return in_.read(buffer.first(std::min(buffer.size(), most_)));
  }

 private:
  MemorySource in_;
  std::size_t most_;
};

// Compresses well in places, badly in others, and repeats from afar.
std::string sample(std::size_t size) {
  std::string text;
  std::uint32_t random = 1;
  while (text.size() < size) {
    random = random * 1664525 + 1013904223;
    if (random >> 28 < 8)
      text.append(random >> 20 & 0xff, static_cast<char>('a' + (random >> 16 & 7)));
    else
      text += static_cast<char>(random >> 24);
  }
  text.resize(size);
  return text;
}

std::string through_program(const std::string& command, const std::string& input) {
  const std::string directory = testing::TempDir() + "compression." + std::to_string(getpid());
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/in", std::ios::binary) << input;
  const std::string line = command + " < " + directory + "/in > " + directory + "/out";
  EXPECT_EQ(std::system(line.c_str()), 0) << line;
  std::ifstream file(directory + "/out", std::ios::binary);
  std::string output(std::istreambuf_iterator<char>(file), {});
  std::filesystem::remove_all(directory);
  return output;
}

struct Family {
  const char* name;
  DecompressFunction decompress;
  CompressFunction compress;
};

class CompressionTest : public testing::TestWithParam<Family> {
 protected:
  Result<std::string> inflate(Compression kind, std::string_view bytes, std::size_t piece = 1 << 20) {
    Trickle source(bytes, piece);
    const auto inflated = TRY(GetParam().decompress(kind, source, {}));
    return read_all(*inflated, 64 << 20);
  }
  std::string deflate(Compression kind, std::string_view bytes, std::size_t piece = 1 << 20,
                      int level = kDefaultLevel) {
    MemorySink sink;
    const auto compressor = GetParam().compress(kind, sink, level).value();
    for (std::size_t at = 0; at < bytes.size(); at += piece)
      EXPECT_TRUE(compressor->write(std::as_bytes(std::span(bytes.substr(at, piece)))));
    EXPECT_TRUE(compressor->finish());
    return sink.take();
  }
  static std::string program(Compression kind) { return std::string(to_string(kind)) + " -c"; }
};

constexpr Compression kAll[] = {Compression::kGzip, Compression::kZstd, Compression::kXz, Compression::kBzip2};

TEST_P(CompressionTest, ReadsWhatTheProgramsWrite) {
  for (const Compression kind : kAll) {
    for (const std::size_t size : {0, 1, 1000, 300000, 5000000}) {
      const std::string text = sample(size);
      const std::string packed = through_program(program(kind), text);
      EXPECT_EQ(detect_compression(std::as_bytes(std::span(packed))), kind);
      EXPECT_EQ(inflate(kind, packed).value(), text) << to_string(kind) << size;
      if (size > 1000) continue;
      EXPECT_EQ(inflate(kind, packed, 1).value(), text) << to_string(kind) << size;
    }
  }
}

TEST_P(CompressionTest, TheProgramsReadWhatItWrites) {
  for (const Compression kind : {Compression::kGzip, Compression::kZstd})
    for (const std::size_t size : {0, 1, 300000}) {
      const std::string text = sample(size);
      EXPECT_EQ(through_program(std::string(to_string(kind)) + " -dc", deflate(kind, text)), text);
    }
}

TEST_P(CompressionTest, MembersThatFollowEachOtherAreOneStream) {
  for (const Compression kind : kAll) {
    const std::string one = through_program(program(kind), "first "),
                      two = through_program(program(kind), sample(200000));
    const std::string three = through_program(program(kind), "");
    for (const std::size_t piece : {1u, 7u, 1u << 20})
      EXPECT_EQ(inflate(kind, one + two + three + one, piece).value(), "first " + sample(200000) + "first ")
          << to_string(kind) << piece;
  }
}

TEST_P(CompressionTest, PaddingWithZerosIsIgnoredAndOtherBytesAreNot) {
  for (const Compression kind : kAll) {
    const std::string packed = through_program(program(kind), "text");
    EXPECT_EQ(inflate(kind, packed + std::string(300000, '\0')).value(), "text");
    const auto garbage = inflate(kind, packed + std::string(4, '\0') + "garbage garbage garbage");
    ASSERT_FALSE(garbage) << to_string(kind);
    EXPECT_EQ(garbage.error().kind(), ErrorKind::kCorrupt);
  }
}

TEST_P(CompressionTest, EveryTruncationIsCorrupt) {
  for (const Compression kind : kAll) {
    const std::string packed = through_program(program(kind), sample(600));
    for (std::size_t cut = 0; cut < packed.size(); ++cut) {
      const auto read = inflate(kind, std::string_view(packed).substr(0, cut));
      ASSERT_FALSE(read) << to_string(kind) << " cut at " << cut;
      EXPECT_EQ(read.error().kind(), ErrorKind::kCorrupt);
    }
    EXPECT_EQ(inflate(kind, std::string_view(packed).substr(0, packed.size() - 1)).error().message(),
              fmt::format("{}: the compressed data ends too early", to_string(kind)));
  }
}

TEST_P(CompressionTest, EveryFlippedBitOfAGzipBodyAndTrailerIsCorrupt) {
  const std::string packed = deflate(Compression::kGzip, sample(600));
  for (std::size_t at = 10; at < packed.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = packed;
      damaged[at] = static_cast<char>(damaged[at] ^ (1 << bit));
      const auto read = inflate(Compression::kGzip, damaged);
      ASSERT_FALSE(read && *read != sample(600)) << at << "." << bit;
      ASSERT_TRUE(!read || at < packed.size() - 8) << "trailer " << at << "." << bit;
    }
}

TEST_P(CompressionTest, GzipHeadersMayHaveEveryField) {
  const auto bytes = [](std::string_view text) {
    const auto raw = unhex(text).value();
    return std::string(reinterpret_cast<const char*>(raw.data()), raw.size());
  };
  // "hi": extra field, name, comment, and the header's CRC, made with Python's zlib.
  const std::string header = bytes("1f8b081e0000000000ff0300616263") + "name" + '\0' + "comment" + '\0';
  const std::string body = bytes("cbc80400");
  const std::string trailer = bytes("ac2a93d802000000");
  EXPECT_EQ(inflate(Compression::kGzip, header + bytes("7818") + body + trailer).value(), "hi");
  EXPECT_EQ(inflate(Compression::kGzip, header + bytes("7818") + body + trailer, 1).value(), "hi");
  EXPECT_EQ(inflate(Compression::kGzip, header + bytes("7819") + body + trailer).error().kind(), ErrorKind::kCorrupt);
  EXPECT_EQ(inflate(Compression::kGzip, header + bytes("7818") + body + bytes("ac2a93d803000000")).error().kind(),
            ErrorKind::kCorrupt);
}

TEST_P(CompressionTest, TheSameBytesHoweverTheyAreCut) {
  const std::string text = sample(1 << 20);
  for (const Compression kind : {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
    const Sha256Digest whole = sha256(deflate(kind, text));
    EXPECT_EQ(sha256(deflate(kind, text, 1000)), whole) << to_string(kind);
    EXPECT_EQ(sha256(deflate(kind, text, 131073)), whole) << to_string(kind);
    EXPECT_EQ(inflate(kind, deflate(kind, text)).value(), text);
  }
  // The time in the header.
  EXPECT_EQ(deflate(Compression::kGzip, "x").substr(4, 4), std::string(4, '\0'));
}

TEST_P(CompressionTest, LevelsAndKindsThatDoNotExistAreRefused) {
  MemorySink sink;
  EXPECT_EQ(GetParam().compress(Compression::kGzip, sink, 77).error().kind(), ErrorKind::kInvalidArgument);
  EXPECT_EQ(GetParam().compress(Compression::kZstd, sink, 77).error().kind(), ErrorKind::kInvalidArgument);
  EXPECT_EQ(GetParam().compress(Compression::kXz, sink, kDefaultLevel).error().kind(), ErrorKind::kUnsupported);
}

TEST_P(CompressionTest, WindowsBeyondTheLimitAreRefused) {
  // A stream of unknown size says its window.
  const std::string stream = through_program("cat | zstd -c --ultra --long=31", sample(1000));
  EXPECT_EQ(inflate(Compression::kZstd, stream).error().message(),
            "zstd: the window is beyond the limit of 134217728 bytes");
  EXPECT_EQ(inflate(Compression::kXz, through_program("xz -c --lzma2=dict=512MiB", "x")).error().message(),
            "xz: the dictionary is beyond the limit of 134217728 bytes");
}

// Frames with growing windows, one byte at a time: each window is asked for once, before it is used.
TEST_P(CompressionTest, WindowsAreAskedFor) {
  const std::string text = sample(3 << 20);
  std::string stream = through_program("cat | zstd -q -c -1 --no-check", text.substr(0, 1 << 20));
  stream += "\x50\x2a\x4d\x18\x02";
  stream += std::string("\0\0\0zz", 5);  // a frame to be skipped
  stream += through_program("cat | zstd -q -c -19", text.substr(1 << 20));
  std::vector<std::size_t> asked;
  WindowLimit limit;
  limit.take = [&](std::size_t bytes) -> Result<> {
    asked.push_back(bytes);
    return {};
  };
  Trickle trickle(stream, 1);
  const auto inflated = GetParam().decompress(Compression::kZstd, trickle, limit).value();
  EXPECT_TRUE(read_all(*inflated, 8 << 20).value() == text);
  ASSERT_EQ(asked.size(), 2u);
  EXPECT_LT(asked[0], asked[1]);
  EXPECT_EQ(asked[1], std::size_t{8} << 20);

  limit.max = 4 << 20;
  MemorySource again(stream);
  const auto refused = GetParam().decompress(Compression::kZstd, again, limit).value();
  EXPECT_EQ(read_all(*refused, 8 << 20).error().message(), "zstd: the window is beyond the limit of 4194304 bytes");
}

INSTANTIATE_TEST_SUITE_P(Families, CompressionTest,
                         testing::Values(Family{"Plain", decompress, compress},
                                         Family{"Fast", decompress_fast, compress_fast}),
                         [](const auto& param) { return param.param.name; });

TEST(Compression, IsDetectedByItsMagic) {
  const auto detect = [](std::string_view text) { return detect_compression(std::as_bytes(std::span(text))); };
  using namespace std::string_view_literals;
  EXPECT_EQ(detect(""), Compression::kNone);
  EXPECT_EQ(detect("\x1f\x8b"), Compression::kNone);
  EXPECT_EQ(detect("\x1f\x8b\x08\0\0\0"sv), Compression::kGzip);
  EXPECT_EQ(detect("\x50\x2a\x4d\x18\0\0"sv), Compression::kZstd);
  EXPECT_EQ(detect("BZhello"), Compression::kNone);
  EXPECT_EQ(detect("BZh91AY"), Compression::kBzip2);
}

TEST(Sha256, KnownAnswersAndPrefixes) {
  EXPECT_EQ(hex(sha256("")), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(hex(sha256("abc")), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  MemorySource source("abc");
  HashingSource hashing(source);
  std::array<std::byte, 2> two;
  EXPECT_EQ(hashing.read(two).value(), 2u);
  EXPECT_EQ(hashing.digest(), sha256("ab"));
  EXPECT_EQ(hashing.read(two).value(), 1u);
  EXPECT_EQ(hashing.digest(), sha256("abc"));
  EXPECT_EQ(hashing.count(), 3u);
}

}  // namespace
}  // namespace strata::codec
