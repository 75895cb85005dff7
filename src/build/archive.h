// Local tar archives, as ADD unpacks them: plain, gzip, bzip2, xz, zstd.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "build/new_layer.h"
#include "sys/unique_fd.h"

namespace strata::build {

// Whether the file (read from its beginning) is such an archive: its first entry can be read.
Result<bool> is_archive(int fd);

// An archive's tar, uncompressed, in a file of ours; its entries can be put into a layer.
class Archive {
 public:
  // Inflates `fd` into a file that is made at `path` and at once unlinked; more than `max_size` bytes is
  // kResourceExhausted.
  static Result<Archive> open(int fd, const std::string& path, std::uint64_t max_size);

  struct Owner {
    std::uint32_t uid, gid;
  };
  // Puts all entries below `destination` (a resolved directory of the layer); the layer reads contents from
  // this archive, which must outlive its write(). Names stay below the destination: ".." is kCorrupt,
  // symlinks are followed inside the root.
  Result<> put_into(NewLayer& layer, const std::string& destination, const std::optional<Owner>& owner);

 private:
  explicit Archive(sys::UniqueFd tar) : tar_(std::move(tar)) {}
  sys::UniqueFd tar_;
};

}  // namespace strata::build
