// The floor of a pull: inflates layers (ISA-L, libzstd), takes the digest of each tar, and writes the tars, and does
// nothing else: no network, no index, no records. bench-inflate-hash-write DIRECTORY BLOB…, four at a time.
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "codec/byte_stream.h"
#include "codec/compression.h"
#include "codec/sha256.h"
#include "sys/file.h"
#include <fmt/core.h>

namespace {

using strata::Result;

constexpr std::size_t kBuffer = 256 << 10;
constexpr std::size_t kThreads = 4;

class File final : public strata::codec::ByteSource {
 public:
  explicit File(int fd) : fd_(fd) {}
  Result<std::size_t> read(std::span<std::byte> buffer) override { return strata::sys::read_some(fd_, buffer); }

 private:
  int fd_;
};

Result<> write_tar(const std::string& blob, const std::string& path) {
  const auto input = TRY(strata::sys::open_file(blob, O_RDONLY));
  const auto output = TRY(strata::sys::open_file(path, O_WRONLY | O_CREAT | O_TRUNC, 0600));
  File file(input.get());
  const auto peeked = TRY(strata::codec::PeekedSource::create(file, strata::codec::kCompressionHeadSize));
  const auto tar = TRY(strata::codec::decompress_fast(strata::codec::detect_compression(peeked->head()), *peeked));
  strata::codec::Sha256 hash;
  std::vector<std::byte> buffer(kBuffer);
  for (;;) {
    const std::size_t count = TRY(tar->read(buffer));
    if (count == 0) break;
    const auto bytes = std::span(buffer).first(count);
    hash.update(bytes);
    TRY(strata::sys::write_all(output.get(), bytes));
  }
  (void)hash.finish();
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string directory = argv[1];
  const std::vector<std::string> blobs(argv + 2, argv + argc);
  std::atomic<std::size_t> next = 0;
  std::atomic<int> failures = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(kThreads, blobs.size()); ++i)
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < blobs.size(); at = next++)
          if (const Result<> done = write_tar(blobs[at], fmt::format("{}/{}.tar", directory, at)); !done) {
            fmt::print(stderr, "bench-inflate-hash-write: {}\n", done.error().message());
            ++failures;
          }
      });
  }
  return failures == 0 ? 0 : 1;
}
