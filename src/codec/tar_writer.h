// Writes tar archives that every reader of image layers understands: ustar headers, and a pax
// extended header (POSIX.1-2001) in front only where ustar cannot say it: long names, big numbers,
// nanoseconds, times before 1970, xattrs (SCHILY.xattr), sparse files (GNU.sparse 1.0). The output
// depends on the entries alone: no names of users, no times of access, no process ids.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"
#include "codec/byte_stream.h"
#include "codec/tar_entry.h"

namespace strata::codec {

class TarWriter {
 public:
  // `out` must outlive the writer.
  explicit TarWriter(ByteSink& out) : out_(out) {}

  // Begins an entry. Of a file, `size` bytes must follow through write_data(); of a sparse one
  // those of its segments, one after the other (data_offset and stored_size are not read). A
  // directory's path gets its slash at the end here. kInvalidArgument: an empty path, a NUL in a
  // name, segments out of order, one before the last whose length is no multiple of 512, or the
  // data of the entry before is not complete.
  Result<> add(const TarEntry& entry);
  Result<> write_data(std::span<const std::byte> bytes);
  // The end-of-archive marker. Call it once, last.
  Result<> finish();

 private:
  Result<> write_padding(std::uint64_t count);

  ByteSink& out_;
  std::uint64_t data_left_ = 0;
  std::uint64_t padding_ = 0;
};

}  // namespace strata::codec
