// Where COPY and ADD read from: the build context (a directory, seen through its ignore file) or the root
// file system of another stage or image. Never leaves its root: symlinks are resolved inside it, and files
// are opened from the root's descriptor.
//
// Thread-safe once made.
#pragma once

#include <sys/stat.h>

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "build/ignore_file.h"
#include "oci/digest.h"
#include "sys/unique_fd.h"

namespace strata::build {

inline constexpr std::size_t kMaxSourceFiles = 4'000'000;

// One file, directory or symlink of a source.
struct SourceEntry {
  std::string path;                           // in the tree, "" is its root
  std::string relative;                       // below the source it belongs to, "" is that itself
  struct stat st{};                           // as it lies there; owner 0:0 in a context
  std::string link_target;                    // of a symlink
  std::map<std::string, std::string> xattrs;  // those that end in an image
  std::optional<oci::Digest> content;         // of a regular file, after hash()
};

// What one source word means: a file, or a directory with all below it.
struct Source {
  std::string written;  // the word
  std::string name;     // last component of the path as written (or matched)
  // Sorted by path; the first is the source itself. Never empty.
  std::vector<SourceEntry> entries;
  bool is_directory() const { return S_ISDIR(entries.front().st.st_mode); }
};

class SourceTree {
 public:
  static Result<SourceTree> open_context(const std::string& directory, IgnoreFile ignore);
  // `root` is a directory, e.g. a mounted rootfs. Owners and all xattrs but trusted.* are kept.
  static SourceTree rootfs(sys::UniqueFd root);

  // The sources that a word of COPY names; wildcards may give several, or none. Symlinks are followed in the
  // word itself, not below it. Files matching `excludes` (--exclude) are left out.
  // Errors: kNotFound `"/x": not found`.
  Result<std::vector<Source>> find(std::string_view word, const IgnoreFile& excludes = {}) const;

  // Fills in SourceEntry::content, on several threads.
  Result<> hash(std::vector<Source>& sources) const;

  // A regular file for reading; kConflict when it is no longer the file that `entry` says.
  Result<sys::UniqueFd> open_file(const SourceEntry& entry) const;

  bool is_context() const { return is_context_; }

 private:
  SourceTree(sys::UniqueFd root, bool is_context, IgnoreFile ignore)
      : root_(std::move(root)), is_context_(is_context), ignore_(std::move(ignore)) {}

  struct Walk;
  Result<std::vector<std::string>> expand_wildcards(const std::string& pattern) const;
  Result<SourceEntry> entry_at(int dir, const std::string& name, std::string path) const;
  Result<> walk(int dir, Walk& walk, const std::string& path, const std::string& relative) const;
  // Whether the file can be seen at all.
  bool hidden(const std::string& path) const { return !path.empty() && ignore_.ignores(path); }

  sys::UniqueFd root_;
  bool is_context_;
  IgnoreFile ignore_;
};

// A digest of everything about the sources that ends in an image: names, types, modes, owners, xattrs, link
// targets, contents; not times. `with_mode`, `with_owner`: false where --chmod, --chown replace it.
struct SourceDigest {
  oci::Digest all;
  // For saying what changed: path to "metadata digest/content digest", shortened; empty when there are
  // more than kMaxListed files.
  std::map<std::string, std::string> files;
};
inline constexpr std::size_t kMaxListed = 2000;
SourceDigest digest_of(const std::vector<Source>& sources, bool with_mode, bool with_owner);

}  // namespace strata::build
