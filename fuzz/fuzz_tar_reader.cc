// The tar reader on any bytes: what it says must hold together, memory stays bounded, and what it
// reads can be written and read again.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/check.h"
#include "codec/tar_reader.h"
#include "codec/tar_writer.h"

using namespace strata;
using namespace strata::codec;

namespace {

// The checksum would stop nearly every mutation at the door: put the right one into each block that
// looks like a header.
std::string with_checksums(const std::uint8_t* data, std::size_t size) {
  std::string bytes(reinterpret_cast<const char*>(data), size);
  TarBlock block;
  for (std::size_t at = 0; at + kTarBlockSize <= bytes.size(); at += kTarBlockSize) {
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), kTarBlockSize, block.bytes.begin());
    if (!block.field(kTarMagic).starts_with("ustar") && at != 0) continue;
    format_tar_number(block, kTarChecksum, static_cast<std::uint64_t>(block.unsigned_checksum()));
    std::copy(block.bytes.begin(), block.bytes.end(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
  }
  return bytes;
}

void check_entry(const TarEntry& entry, const TarLimits& limits) {
  CHECK(!entry.path.empty() && entry.path.size() <= limits.max_path);
  CHECK(entry.path.find('\0') == std::string::npos);
  CHECK(entry.link_target.size() <= limits.max_path);
  CHECK((entry.mode & ~07777u) == 0);
  CHECK(entry.mtime_nsec < 1'000'000'000);
  CHECK(entry.type == TarEntry::Type::kFile || (entry.size == 0 && entry.stored_size == 0 && !entry.sparse));
  CHECK(entry.sparse || (entry.segments.empty() && entry.size == entry.stored_size));
  std::uint64_t end = 0, stored = 0;
  for (const Segment& segment : entry.segments) {
    CHECK(segment.length > 0 && segment.offset >= end);
    CHECK(segment.stored_offset == entry.data_offset + stored);
    end = segment.offset + segment.length;
    stored += segment.length;
  }
  CHECK(!entry.sparse || (stored == entry.stored_size && end <= entry.size));
}

void check_round_trip(const std::vector<TarEntry>& entries) {
  MemorySink sink;
  TarWriter writer(sink);
  for (const TarEntry& entry : entries) {
    if (!writer.add(entry)) return;  // a device number or segments that the writer does not say
    const std::string zeros(entry.stored_size, 'x');
    CHECK(writer.write_data(std::as_bytes(std::span(zeros))).has_value());
  }
  CHECK(writer.finish().has_value());
  MemorySource source(sink.bytes());
  TarReader reader(source, {.max_pax_header = 4 << 20});
  for (const TarEntry& entry : entries) {
    const auto again = reader.next();
    CHECK(again.has_value() && again->has_value());
    const TarEntry& copy = **again;
    const bool directory = entry.type == TarEntry::Type::kDirectory;
    CHECK(copy.type == entry.type || (directory && copy.type == TarEntry::Type::kFile));
    CHECK(copy.path == entry.path || (directory && copy.path == entry.path + "/"));
    CHECK(copy.link_target == entry.link_target && copy.mode == entry.mode && copy.uid == entry.uid);
    CHECK(copy.size == entry.size && copy.mtime_sec == entry.mtime_sec && copy.mtime_nsec == entry.mtime_nsec);
    CHECK(copy.sparse == entry.sparse && copy.segments.size() == entry.segments.size());
    CHECK(copy.xattrs == entry.xattrs);
  }
  CHECK(!reader.next().value());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string bytes = with_checksums(data, size);
  MemorySource source(bytes);
  const TarLimits limits{.max_pax_header = 1 << 16, .max_path = 5000, .max_sparse_segments = 1000};
  TarReader tar(source, limits);
  std::vector<TarEntry> entries;
  std::vector<std::byte> buffer(700);
  while (true) {
    const auto entry = tar.next();
    if (!entry) {
      CHECK(!entry.error().message().empty());
      break;
    }
    if (!*entry) break;
    check_entry(**entry, limits);
    CHECK(tar.position() == (*entry)->data_offset && tar.position() <= bytes.size());
    std::uint64_t have = 0;
    while (true) {
      const auto got = tar.read_data(buffer);
      if (!got || *got == 0) break;
      have += *got;
    }
    CHECK(have <= (*entry)->stored_size);
    if (have == (*entry)->stored_size) entries.push_back(**entry);
  }
  check_round_trip(entries);
  return 0;
}
