// A directory for the time of a scope, removed with all it holds when the owner goes.
#pragma once

#include <string>

#include "base/result.h"

namespace strata::sys {

class [[nodiscard]] TempDir {
 public:
  // parent/prefixXXXXXX, mode 0700.
  static Result<TempDir> create(const std::string& parent, const std::string& prefix = "tmp.");
  TempDir(TempDir&& other) noexcept;
  TempDir& operator=(TempDir&& other) noexcept;
  ~TempDir();

  const std::string& path() const { return path_; }
  // Keeps the directory; the caller owns it now.
  std::string release();

 private:
  explicit TempDir(std::string path) : path_(std::move(path)) {}
  std::string path_;
};

// Cryptographically random bytes as lower-case hex, from getrandom(2).
std::string random_hex(std::size_t bytes);

}  // namespace strata::sys
