// The files of an image archive, by the names that its tables of contents use. Three ways to have
// them: a tar that can be sought in, a directory (an OCI layout), and a stream, which is read once:
// what looks like a layer is unpacked as it passes, what is small is kept in the lease's directory.
//
// No name from an archive is ever a path on the host, but for "blobs/sha256/<hex>" and the tables'
// own names in a layout directory, where symlinks are not followed.
//
// Limits (errors name them): kMaxMembers names of together kMaxNames bytes, and in a stream
// kMaxSpooled bytes of small files.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "layers/layers.h"
#include "oci/digest.h"

namespace strata::store {
class Lease;
class Store;
}  // namespace strata::store

namespace strata::images {

// What a load tells about itself. Calls come from one thread at a time.
class LoadProgress {
 public:
  virtual ~LoadProgress() = default;
  // `name`: short, for a list. All bytes of it have passed when done == total.
  virtual void layer(std::string_view name, std::uint64_t done, std::uint64_t total) = 0;
};

inline constexpr std::size_t kMaxMembers = 100'000;
inline constexpr std::size_t kMaxNames = 16 << 20;
inline constexpr std::uint64_t kMaxSpooled = std::uint64_t{1} << 30;

class ArchiveFiles {
 public:
  virtual ~ArchiveFiles() = default;
  virtual bool has(const std::string& name) = 0;
  // A document. Errors: kNotFound; kResourceExhausted beyond `limit` bytes.
  virtual Result<std::string> read(const std::string& name, std::size_t limit) = 0;
  // A layer, into files of the lease. Thread-safe. Errors: kNotFound, and those of Layers::unpack.
  virtual Result<layers::Unpacked> unpack(const std::string& name) = 0;
};

// What all three are given; it outlives them.
struct ArchiveTarget {
  store::Store& store;
  layers::Layers& layers;
  store::Lease& lease;
  layers::Limits limits;
  LoadProgress& progress;
};

// `fd` is a file, a pipe or a directory, and stays the caller's. A stream has been read to its end
// when this returns. SIGPIPE must be ignored while the result lives.
Result<std::unique_ptr<ArchiveFiles>> open_archive(int fd, ArchiveTarget& target);

// ---- for the three

// A file of an archive, or another name for one.
struct Member {
  enum class Kind {
    kFile,       // `size` bytes at `offset` of the archive, or of the spool file
    kLink,       // stands for `target`
    kLayer,      // number `offset` of those unpacked on the way
    kKnown,      // passed over: the store has what its name promises
    kUnreadable  // neither small nor a layer
  };
  Kind kind = Kind::kFile;
  std::uint64_t offset = 0, size = 0;
  std::string target;
};

class MemberTable {
 public:
  // Errors: kCorrupt when the name is there already, kResourceExhausted.
  Result<> add(std::string name, Member member);
  // Follows links. Null when there is none, kCorrupt for links in a circle.
  Result<const Member*> find(const std::string& name) const;

 private:
  std::map<std::string, Member> members_;
  std::size_t name_bytes_ = 0;
};

// The layer `fd` from `offset` on, `size` bytes, through a pipe to a worker.
Result<layers::Unpacked> unpack_range(ArchiveTarget& target, int fd, std::uint64_t offset, std::uint64_t size,
                                      const std::string& name);
// The name of a layer for lists: twelve digits of a digest if the member's name has them.
std::string short_member(const std::string& name);

Result<std::unique_ptr<ArchiveFiles>> open_layout_directory(int fd, ArchiveTarget& target);
Result<std::unique_ptr<ArchiveFiles>> open_tar_file(int fd, ArchiveTarget& target);
Result<std::unique_ptr<ArchiveFiles>> read_tar_stream(int fd, ArchiveTarget& target);

}  // namespace strata::images
