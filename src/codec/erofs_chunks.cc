#include "codec/erofs_chunks.h"

namespace strata::codec {
namespace {

// How many chunks of `size` bytes visit_chunks() would call copied.
std::uint64_t count_copied(const std::vector<Segment>& segments, std::uint64_t file_size, std::uint64_t size) {
  std::uint64_t copied = 0, next = 0;
  for (const Segment& s : segments) {
    const std::uint64_t end = s.offset + s.length;
    const std::uint64_t first = std::max(next, s.offset / size);
    const std::uint64_t past = (end + size - 1) / size;
    if (first >= past) continue;
    next = past;
    const bool aligned = (s.stored_offset - s.offset) % kErofsBlock == 0;
    const bool first_whole = s.offset <= first * size;
    const bool last_whole = end >= std::min(past * size, file_size);
    if (!aligned) {
      copied += past - first;
    } else if (past - first == 1) {
      copied += !(first_whole && last_whole);
    } else {
      copied += !first_whole + !last_whole;
    }
  }
  return copied;
}

}  // namespace

Chunks choose_chunks(const std::vector<Segment>& segments, std::uint64_t file_size) {
  Chunks best;
  std::uint64_t best_cost = 0;
  for (unsigned bits = 0; bits <= 31; ++bits) {
    const std::uint64_t size = kErofsBlock << bits;
    const Chunks chunks{bits, (file_size + size - 1) / size, count_copied(segments, file_size, size)};
    const std::uint64_t cost = chunks.count * 8 + chunks.copied * size;
    if (bits == 0 || cost < best_cost) {
      best = chunks;
      best_cost = cost;
    }
    if (chunks.count == 1) break;
  }
  return best;
}

}  // namespace strata::codec
