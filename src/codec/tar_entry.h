// One entry of a tar archive, whatever dialect said it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace strata::codec {

// A piece of a sparse file that has data; around it are holes.
struct Segment {
  std::uint64_t offset = 0;         // in the file
  std::uint64_t length = 0;         // never 0 when it comes from TarReader
  std::uint64_t stored_offset = 0;  // of its bytes in the archive; TarWriter ignores it
  bool operator==(const Segment&) const = default;
};

struct TarEntry {
  enum class Type { kFile, kHardLink, kSymlink, kCharDevice, kBlockDevice, kDirectory, kFifo };

  Type type = Type::kFile;
  // Any bytes but NUL, as the archive has them: maybe absolute, with "." and "..", with slashes at
  // the end (`type` says what it is). Never empty from TarReader.
  std::string path;
  std::string link_target;  // hard link: a path as above; symlink: any bytes
  std::uint32_t mode = 0;   // 07777
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
  std::uint64_t size = 0;      // of the file as it is read back, holes included; 0 for all but files
  std::int64_t mtime_sec = 0;  // since 1970, may be negative
  std::uint32_t mtime_nsec = 0;
  std::uint32_t dev_major = 0;
  std::uint32_t dev_minor = 0;
  // Full names ("user.mime_type"), raw values. POSIX ACLs that pax spells as text appear as
  // system.posix_acl_access and system.posix_acl_default.
  std::map<std::string, std::string> xattrs;

  bool sparse = false;
  std::vector<Segment> segments;  // of a sparse file: ascending, not overlapping, within size
  // The file's bytes in the archive: of a plain file all of it, of a sparse one its segments, one
  // after the other. stored_size == size unless sparse.
  std::uint64_t data_offset = 0;
  std::uint64_t stored_size = 0;
};

}  // namespace strata::codec
