// The way through an overlay's upper directory that upper_tar.h's two functions share. Depth costs
// memory, not descriptors: one directory is open at a time, and the way back up is "..", checked
// against what was there on the way down, so that a directory that a container moves meanwhile
// cannot lead outside.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "layers/upper_tar.h"
#include "sys/unique_fd.h"

namespace strata::layers {

// A directory at or below a root.
class DirectoryCursor {
 public:
  // `checked`: leave() compares inode numbers. Those of directories of an overlay mount do not
  // last, so without it there; nobody moves directories of a read-only one.
  static Result<DirectoryCursor> open(int root, bool checked);
  int fd() const { return fd_.get(); }
  Result<> enter(const std::string& name);  // never through a symlink
  Result<> leave();

 private:
  explicit DirectoryCursor(bool checked) : checked_(checked) {}
  sys::UniqueFd fd_;
  bool checked_;
  std::vector<std::pair<dev_t, ino_t>> above_;
};

struct UpperNode {
  std::string path;  // "etc/hosts"; "" is the root
  std::string name;
  struct stat st{};
  std::map<std::string, std::string> xattrs;  // without those of overlayfs
  bool whiteout = false;
  bool opaque = false;
};

class UpperVisitor {
 public:
  virtual ~UpperVisitor() = default;
  // Every entry but directories, in its directory `dir`.
  virtual Result<> visit(int dir, const UpperNode& node) = 0;
  // A directory, before what is in it; `names` are all its names, sorted.
  virtual Result<> enter(int dir, const UpperNode& node, const std::vector<std::string>& names) = 0;
  virtual Result<> leave() = 0;
};

Result<> walk_upper(int upper, const UpperOptions& options, UpperVisitor& visitor);

}  // namespace strata::layers
