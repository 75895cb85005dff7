// Sparse files in tar, in the four ways that GNU tar has written them:
// - old GNU (type 'S'): segments in the header block, further ones in blocks behind it;
// - pax 0.0: GNU.sparse.offset and GNU.sparse.numbytes, repeated;
// - pax 0.1: GNU.sparse.map, one list;
// - pax 1.0: a list at the front of the data, in decimal lines, padded to a block.
// https://www.gnu.org/software/tar/manual/html_section/Sparse-Formats.html
#include <limits>

#include "base/strings.h"
#include "codec/tar_pending.h"

namespace strata::codec {

Result<> TarReader::add_segment(TarEntry& entry, std::uint64_t offset, std::uint64_t length) const {
  const std::uint64_t begin = entry.segments.empty() ? 0 : entry.segments.back().offset + entry.segments.back().length;
  if (offset > entry.size || length > entry.size - offset) return corrupt("the sparse map goes beyond the file's size");
  // GNU tar ends a map with an empty segment where the file ends in a hole.
  if (length == 0) return {};
  if (offset < begin) return corrupt("the sparse map is not in ascending order");
  if (entry.segments.size() == limits_.max_sparse_segments)
    return over_limit("segments in a sparse file", limits_.max_sparse_segments);
  entry.segments.push_back({offset, length, 0});
  return {};
}

// Readers disagree on segments that do not end at a block in the middle of the data (GNU tar starts
// the next one at a block, the others at once), and nobody writes them: here they follow at once.
Result<> TarReader::place_segments(TarEntry& entry) const {
  std::uint64_t at = position_;
  for (Segment& segment : entry.segments) {
    segment.stored_offset = at;
    at += segment.length;
  }
  if (at - position_ != entry.stored_size)
    return corrupt(fmt::format("the sparse map has {} bytes, the archive {}", at - position_, entry.stored_size));
  return {};
}

Result<> TarReader::read_sparse(const TarBlock& block, const Pending& pending, TarEntry& entry) {
  const auto parse_size = [&](const std::string& text) -> Result<std::uint64_t> {
    const auto size = parse_unsigned(text);
    if (!size || *size > std::numeric_limits<std::int64_t>::max())
      return corrupt(fmt::format("sparse size or offset \"{}\" is not a number", printable(text)));
    return *size;
  };
  if (block.field(kTarType)[0] == 'S') {
    entry.sparse = true;
    TRY(read_old_gnu_sparse(block, entry));
    return place_segments(entry);
  }
  const std::string* major = pending.find("GNU.sparse.major");
  const std::string* map = pending.find("GNU.sparse.map");
  const std::string* real_size = pending.find("GNU.sparse.realsize");
  if (real_size == nullptr) real_size = pending.find("GNU.sparse.size");
  if (real_size == nullptr) return {};
  entry.sparse = true;
  entry.size = TRY(parse_size(*real_size));
  if (major != nullptr && *major != "0") {
    if (*major != "1")
      return error(ErrorKind::kUnsupported, "tar header at offset {}: GNU.sparse format {}", header_offset_,
                   printable(*major));
    TRY(read_pax_sparse_map(entry));
    return place_segments(entry);
  }
  // 0.1 writes the keywords of 0.0 too when asked for portability: the map counts.
  std::vector<std::string> numbers = pending.sparse_numbers;
  if (map != nullptr) {
    numbers.clear();
    for (const std::string_view text : split(*map, ',')) numbers.emplace_back(text);
  }
  if (numbers.size() % 2 != 0) return corrupt("a sparse map with an odd number of numbers");
  for (std::size_t i = 0; i < numbers.size(); i += 2) {
    const std::uint64_t offset = TRY(parse_size(numbers[i]));
    const std::uint64_t length = TRY(parse_size(numbers[i + 1]));
    TRY(add_segment(entry, offset, length));
  }
  return place_segments(entry);
}

Result<> TarReader::read_old_gnu_sparse(const TarBlock& block, TarEntry& entry) {
  if (!block.field(kTarMagic).starts_with("ustar "))
    return error(ErrorKind::kUnsupported, "tar header at offset {}: a sparse file that is not in GNU's format",
                 header_offset_);
  const std::int64_t real_size = TRY(number(block, kTarGnuRealSize, "real size"));
  if (real_size < 0) return corrupt("negative size");
  entry.size = static_cast<std::uint64_t>(real_size);
  // False at the end of the list: an empty slot.
  const auto read_slots = [&](const TarBlock& from, TarField slots) -> Result<bool> {
    for (std::size_t i = 0; i < slots.length; i += 2 * kTarGnuSparseNumber) {
      const TarField offset_field{slots.offset + i, kTarGnuSparseNumber};
      const TarField length_field{slots.offset + i + kTarGnuSparseNumber, kTarGnuSparseNumber};
      if (from.field(length_field)[0] == '\0') return false;
      const std::int64_t offset = TRY(number(from, offset_field, "sparse offset"));
      const std::int64_t length = TRY(number(from, length_field, "sparse length"));
      if (offset < 0 || length < 0) return corrupt("negative sparse offset or length");
      TRY(add_segment(entry, static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(length)));
    }
    return true;
  };
  bool more = TRY(read_slots(block, kTarGnuSparse)) && block.field(kTarGnuIsExtended)[0] != '\0';
  TarBlock extension;
  // Blocks whose segments are all empty are bounded too.
  for (std::size_t blocks = 0; more; ++blocks) {
    if (blocks > limits_.max_sparse_segments / 21)
      return over_limit("segments in a sparse file", limits_.max_sparse_segments);
    TRY(read_exactly(extension.writable(), "a sparse map"));
    more = TRY(read_slots(extension, kTarGnuMoreSparse)) && extension.field(kTarGnuMoreIsExtended)[0] != '\0';
  }
  return {};
}

Result<> TarReader::read_pax_sparse_map(TarEntry& entry) {
  TarBlock block;
  std::size_t at = kTarBlockSize;  // nothing read yet
  const auto next_number = [&]() -> Result<std::uint64_t> {
    std::string digits;
    while (true) {
      if (at == kTarBlockSize) {
        if (data_left_ < kTarBlockSize) return corrupt("the sparse map is longer than the data");
        TRY(read_exactly(block.writable(), "a sparse map"));
        data_left_ -= kTarBlockSize;
        at = 0;
      }
      const char c = block.bytes[at++];
      if (c == '\n') break;
      if (digits.size() == 19 || c < '0' || c > '9') return corrupt("malformed sparse map");
      digits += c;
    }
    const auto value = parse_unsigned(digits);
    if (!value || *value > std::numeric_limits<std::int64_t>::max()) return corrupt("malformed sparse map");
    return *value;
  };
  const std::uint64_t count = TRY(next_number());
  if (count > limits_.max_sparse_segments) return over_limit("segments in a sparse file", limits_.max_sparse_segments);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t offset = TRY(next_number());
    const std::uint64_t length = TRY(next_number());
    TRY(add_segment(entry, offset, length));
  }
  entry.stored_size = data_left_;
  return {};
}

}  // namespace strata::codec
