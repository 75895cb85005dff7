// What an overlay's upper directory holds: as an OCI layer, and as a list of changes.
// https://github.com/opencontainers/image-spec/blob/main/layer.md
// https://docs.kernel.org/filesystems/overlayfs.html
//
// The overlay was mounted with redirect_dir and metacopy off (sys/overlay.h); an upper that
// nevertheless holds such an entry does not say where its data are, and is refused (kUnsupported).
//
// The upper may be in use: what disappears meanwhile is left out; a file that changes its size or a
// directory that is moved or removed while it is read is kConflict; nothing outside is ever read.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/byte_stream.h"

namespace strata::layers {

struct UpperOptions {
  // The overlay was mounted with userxattr: its marks are user.overlay.* instead of
  // trusted.overlay.*.
  bool user_xattrs = false;
  // What is read is no upper but a read-only overlay mount (a root file system put together), whose
  // directories' inode numbers do not last.
  bool merged = false;
  // Paths ("etc/hosts") that are passed over, with all that is in them.
  std::set<std::string, std::less<>> left_out;
};

// Writes the layer's tar. In order of names, parents first, the root itself as "./" at the front:
// - whiteouts (0:0 devices) as .wh.NAME, opaque directories with .wh..wh..opq as their first entry;
// - names of one inode as hard links to the first of them; holes as GNU.sparse 1.0 where they save
//   more than kMinimumHole bytes; times with nanoseconds; security.capability, user.*, trusted.*
//   and POSIX ACLs, but nothing of overlayfs; no sockets.
// The same upper gives the same bytes. A name that begins with ".wh." of its own is kUnsupported:
// in a layer it would mean something else. Returns the number of entries without the root.
Result<std::uint64_t> write_upper_tar(int upper, codec::ByteSink& out, const UpperOptions& options = {});
inline constexpr std::uint64_t kMinimumHole = 64 << 10;

struct Change {
  enum class Kind { kChanged, kAdded, kDeleted };
  Kind kind = Kind::kChanged;
  std::string path;  // "/etc/hosts"
  bool operator==(const Change&) const = default;
};
// "A", "C", "D": as `docker diff` prints it.
char letter(Change::Kind kind);

// The differences that `upper` makes to the root file system `lower` (the chain without the upper,
// both directory descriptors; O_PATH will do), in order of names, parents first. Directories above
// a change are changed too; a directory that was only copied up is not. Of a deleted directory only
// itself is named.
Result<std::vector<Change>> list_upper_changes(int upper, int lower, const UpperOptions& options = {});

}  // namespace strata::layers
