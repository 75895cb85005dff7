// The empty files and directories that are made in a root file system only so that something can be
// mounted on them. Whoever keeps the root file system afterwards (a build step) takes them away again.
#pragma once

#include <sys/stat.h>

#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace strata::sys {

class MountStubs {
 public:
  // Notes which of the targets (absolute paths, resolved in `root`), and which directories above them, are missing
  // now, and the times of the directories they will appear in.
  static Result<MountStubs> note(int root, std::span<const std::string> targets);

  // Removes those of them that are there now and empty, and gives the directories their times back.
  Result<> remove(int root) const;

 private:
  struct Stub {
    std::string path;          // the missing entry
    std::string parent;        // the directory that will hold it
    struct timespec times[2];  // of the parent, when it exists already: atime, mtime
    bool parent_exists;
  };
  std::vector<Stub> stubs_;  // parents first
};

}  // namespace strata::sys
