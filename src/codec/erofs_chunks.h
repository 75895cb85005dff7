// Sparse files as EROFS has them: chunks of 512 << n bytes that are a hole, point into the data file, or are
// copied into the image because no single aligned piece of the data file holds them.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "codec/erofs_writer.h"
#include "codec/tar_entry.h"

namespace strata::codec {

// How a sparse file is cut: 512 << bits bytes a chunk.
struct Chunks {
  unsigned bits = 0;
  std::uint64_t count = 0;
  std::uint64_t copied = 0;  // chunks that must be copied into the image
};

// The chunk size that makes the index smallest: 8 bytes a chunk against whole chunks to be copied.
Chunks choose_chunks(const std::vector<Segment>& segments, std::uint64_t file_size);

enum class ChunkKind { kHole, kMapped, kCopied };

// What lies in each chunk of `size` bytes; calls visit(chunk, kind, segment) for chunks with data,
// ascending, where `segment` is the first one that touches the chunk.
template <class Visit>
void visit_chunks(const std::vector<Segment>& segments, std::uint64_t file_size, std::uint64_t size, Visit visit) {
  std::uint64_t next = 0;  // chunks before it are done
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const Segment& s = segments[i];
    const std::uint64_t end = s.offset + s.length;
    std::uint64_t chunk = std::max(next, s.offset / size);
    while (chunk * size < end) {
      const std::uint64_t begin_of_chunk = chunk * size;
      const std::uint64_t end_of_chunk = std::min(begin_of_chunk + size, file_size);
      const bool whole = s.offset <= begin_of_chunk && end >= end_of_chunk &&
                         (s.stored_offset + (begin_of_chunk - s.offset)) % kErofsBlock == 0;
      visit(chunk, whole ? ChunkKind::kMapped : ChunkKind::kCopied, i);
      next = ++chunk;
    }
  }
}

}  // namespace strata::codec
