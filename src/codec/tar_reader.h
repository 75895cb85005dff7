// Reads tar archives of every dialect that images are made of: v7, ustar, GNU (long names, old
// sparse files, base-256 numbers) and pax (POSIX.1-2001 with the SCHILY, LIBARCHIVE and GNU.sparse
// keywords). Where readers disagree, it does as GNU tar 1.34 extracts.
//
//   TarReader tar(source);
//   while (std::optional<TarEntry> entry = TRY(tar.next())) { … tar.read_data(buffer) … }
//
// - It reads `in` front to back, exactly as far as it has got: position() is always the number of
//   bytes taken from it, and nothing behind the end-of-archive marker is touched.
// - Memory is bounded by TarLimits; going beyond one is kResourceExhausted and names it. Anything
// else
//   that is wrong with the archive is kCorrupt with the offset of the header; errors of `in` pass
//   through.
// - After an error the reader is of no further use.
// - A path is handed on as it is (see TarEntry): keeping it inside a root is the extractor's duty.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/byte_stream.h"
#include "codec/tar_entry.h"
#include "codec/tar_header.h"

namespace strata::codec {

struct TarLimits {
  std::size_t max_pax_header = 1 << 20;       // bytes of one extended header, and of all global ones kept
  std::size_t max_path = 64 << 10;            // bytes of a path or a link target
  std::size_t max_xattr_name = 255;           // XATTR_NAME_MAX
  std::size_t max_xattr_value = 64 << 10;     // XATTR_SIZE_MAX
  std::size_t max_sparse_segments = 1 << 20;  // per file
};

class TarReader {
 public:
  explicit TarReader(ByteSource& in, TarLimits limits = {});

  // The next entry; what is left of the last one's data is skipped. nullopt at the end of the
  // archive: a block of zeros, or the end of `in` between two entries. What may follow the block of
  // zeros (its twin, a tape's padding) stays in `in`; who hashes the archive reads it.
  Result<std::optional<TarEntry>> next();

  // The next stored bytes of the current entry (of a sparse file the segments', one after the
  // other); 0 when there are no more. A source that ends before them is kCorrupt. `buffer` is not
  // empty.
  Result<std::size_t> read_data(std::span<std::byte> buffer);

  // Bytes taken from `in` so far. Right after next() this is the entry's data_offset.
  std::uint64_t position() const { return position_; }

 private:
  struct Pending;  // what extension headers said about the entry that follows

  Error corrupt(std::string_view what) const;
  Error over_limit(std::string_view limit, std::uint64_t value) const;
  Result<> check_path(std::string_view what, std::string_view path) const;

  Result<bool> read_block(TarBlock& block);
  Result<> read_exactly(std::span<std::byte> buffer, std::string_view what);
  Result<> skip(std::uint64_t bytes);
  Result<std::string> read_payload(const TarBlock& block, std::size_t limit, std::string_view what);
  Result<std::int64_t> number(const TarBlock& block, TarField field, std::string_view what) const;

  Result<> read_extension(const TarBlock& block, char type, Pending& pending);
  Result<> read_pax_header(std::string_view payload, Pending& pending);
  Result<> read_global_header(std::string_view payload);
  Result<TarEntry> read_entry(const TarBlock& block, Pending& pending);
  Result<> read_names(const TarBlock& block, const Pending& pending, TarEntry& entry) const;
  Result<> read_attributes(const TarBlock& block, const Pending& pending, TarEntry& entry) const;
  Result<> read_xattrs(const Pending& pending, TarEntry& entry) const;

  // tar_sparse.cc
  Result<> read_sparse(const TarBlock& block, const Pending& pending, TarEntry& entry);
  Result<> read_old_gnu_sparse(const TarBlock& block, TarEntry& entry);
  Result<> read_pax_sparse_map(TarEntry& entry);
  Result<> add_segment(TarEntry& entry, std::uint64_t offset, std::uint64_t length) const;
  Result<> place_segments(TarEntry& entry) const;

  ByteSource& in_;
  TarLimits limits_;
  std::uint64_t position_ = 0;
  std::uint64_t header_offset_ = 0;  // of the header at work, for errors
  std::uint64_t data_left_ = 0;      // of the current entry
  std::uint64_t padding_left_ = 0;   // up to the next header
  bool ended_ = false;
  std::string path_;  // of the current entry, for errors
  std::map<std::string, std::string> global_;
};

}  // namespace strata::codec
