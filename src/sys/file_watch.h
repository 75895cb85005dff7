// Being told when something happens to the files of a directory: inotify(7).
#pragma once

#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

class FileWatch {
 public:
  // Writes to, and appearances and renames of, files in the directory, from now on.
  static Result<FileWatch> create(const std::string& directory);
  int fd() const { return fd_.get(); }  // readable when something happened
  // Forgets what happened so far.
  void clear();

 private:
  explicit FileWatch(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace strata::sys
