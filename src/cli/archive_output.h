// Where save and export write: a file that appears when it is complete, or standard output.
#pragma once

#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::cli {

class [[nodiscard]] ArchiveOutput {
 public:
  // "" is standard output, which must not be a terminal. A regular file has no name before commit()
  // (where the file system can do that: else one of its own), so that whoever is killed leaves
  // nothing; devices and FIFOs are written to as they are.
  static Result<ArchiveOutput> open(const std::string& path);
  ArchiveOutput(ArchiveOutput&& other) noexcept;
  ArchiveOutput& operator=(ArchiveOutput&&) = delete;
  // Without commit() nothing stays.
  ~ArchiveOutput();

  int fd() const;
  Result<> commit();

 private:
  ArchiveOutput() = default;
  sys::UniqueFd file_;  // none: standard output
  std::string path_;    // "" for what is there already
  std::string temporary_;
};

}  // namespace strata::cli
