// A layer being put together from files that lie elsewhere: what will be written to its tar, resolved
// against the root file system it goes on top of. Nothing is unpacked; contents are read when the tar is
// written. Entries come out sorted (a directory before what it holds, then by name), parents that exist
// below with the attributes they have there, so that equal inputs give equal bytes.
//
// Paths are relative to the root without slashes at the ends; "" is the root. Not thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "codec/tar_entry.h"
#include "codec/tar_writer.h"

namespace strata::build {

// Where a file's bytes come from. `stored_size` bytes of the entry, as TarWriter wants them.
using ContentWriter = std::function<Result<>(codec::TarWriter&)>;

class NewLayer {
 public:
  // `parent_root`: the root file system below, a directory's descriptor that outlives this; -1: nothing.
  explicit NewLayer(int parent_root) : parent_root_(parent_root) {}

  enum class Kind { kMissing, kDirectory, kSymlink, kOther };

  // Follows symlinks (the last one too) in this layer and below it, inside the root. What is missing stays as it
  // was written. Errors: kInvalidArgument when a file stands where a directory must be.
  Result<std::string> resolve(std::string_view path);
  // What stands at a resolved path; the last component is not followed.
  Result<Kind> kind(const std::string& path);
  // mkdir -p: resolves `path` and makes what is missing like `fresh`. Returns the resolved path.
  Result<std::string> make_directories(std::string_view path, const codec::TarEntry& fresh);

  // Puts an entry at a path whose parent is a resolved directory; what was there is replaced (directories
  // merge). The entry's own path is not read. Errors: kInvalidArgument for names that a layer gives a
  // meaning (".wh.…").
  Result<> put(const std::string& path, codec::TarEntry entry, ContentWriter content = {});
  // A hard link to a file of this layer. kNotFound when there is none.
  Result<> put_link(const std::string& path, const std::string& target);

  bool empty() const { return nodes_.empty(); }
  // All entries and the end marker.
  Result<> write(codec::TarWriter& tar);

 private:
  struct File {
    codec::TarEntry entry;
    ContentWriter content;
    std::string written_as;  // first path in the tar; the others are links to it
  };
  struct Node {
    std::shared_ptr<File> file;
    bool fresh = false;  // nothing of the layers below shows in this directory
  };
  // Orders "a/b" before "a-b", so that all below a directory is one range.
  struct ByComponent {
    bool operator()(std::string_view a, std::string_view b) const;
  };
  struct Below {
    Kind kind = Kind::kMissing;
    std::optional<codec::TarEntry> entry;
  };
  Result<const Below*> below(const std::string& path);
  Result<std::string> link_target(const std::string& path);
  Result<> put_parents(const std::string& path);
  Result<std::string> walk(std::string_view path, const codec::TarEntry* fresh);

  int parent_root_;
  std::map<std::string, Node, ByComponent> nodes_;
  std::map<std::string, Below> below_;
};

}  // namespace strata::build
