// Writes a tar of many files to standard output: bench-layer SEED FILES BYTES. Sizes spread as in a real root
// file system (most are small, a few hold most of the bytes); content compresses to about two fifths.
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

#include "codec/tar_writer.h"
#include "sys/file.h"
#include <fmt/core.h>

namespace {

class Output : public strata::codec::ByteSink {
 public:
  strata::Result<> write(std::span<const std::byte> bytes) override {
    return strata::sys::write_all(STDOUT_FILENO, bytes);
  }
};

strata::Result<> write_layer(std::uint64_t seed, int files, std::uint64_t bytes) {
  using strata::codec::TarEntry;
  Output output;
  strata::codec::TarWriter tar(output);
  std::mt19937_64 random(seed);
  std::lognormal_distribution<double> size_of(0, 2);
  std::vector<double> shares(static_cast<std::size_t>(files));
  double sum = 0;
  for (double& share : shares) sum += share = size_of(random);
  std::string words;
  // More than a compressor's window, or it would find what was used before.
  while (words.size() < 48 << 20)
    words += fmt::format("{:016x}{:016x} lorem ipsum sit {:x}\n", random(), random(), random() % 4096);
  const auto directory = [&](const std::string& path) {
    TarEntry entry{};
    entry.type = TarEntry::Type::kDirectory;
    entry.path = path;
    entry.mode = 0755;
    return tar.add(entry);
  };
  const std::string top = fmt::format("layer{}", seed);
  TRY(directory(top));
  for (int i = 0; i < files; ++i) {
    if (i % 50 == 0) TRY(directory(fmt::format("{}/d{}", top, i / 50)));
    TarEntry entry{};
    entry.type = TarEntry::Type::kFile;
    entry.path = fmt::format("{}/d{}/file{}", top, i / 50, i);
    entry.mode = 0644;
    entry.size = static_cast<std::uint64_t>(shares[static_cast<std::size_t>(i)] / sum * static_cast<double>(bytes));
    entry.stored_size = entry.size;
    TRY(tar.add(entry));
    for (std::uint64_t left = entry.size; left > 0;) {
      const std::size_t offset = random() % (words.size() / 2);
      const std::size_t chunk = std::min<std::uint64_t>(left, words.size() - offset);
      TRY(tar.write_data(std::as_bytes(std::span(words).subspan(offset, chunk))));
      left -= chunk;
    }
  }
  return tar.finish();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return 2;
  const auto done =
      write_layer(std::strtoull(argv[1], nullptr, 10), std::atoi(argv[2]), std::strtoull(argv[3], nullptr, 10));
  if (!done) fmt::print(stderr, "bench-layer: {}\n", done.error().message());
  return done ? 0 : 1;
}
