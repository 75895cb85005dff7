#include "sys/temp_dir.h"

#include <stdlib.h>
#include <sys/random.h>

#include <cerrno>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/strings.h"
#include "sys/file.h"

namespace strata::sys {

Result<TempDir> TempDir::create(const std::string& parent, const std::string& prefix) {
  std::string path = parent + '/' + prefix + "XXXXXX";
  if (::mkdtemp(path.data()) == nullptr) return error_from(errno, "mkdir {}", path);
  return TempDir(std::move(path));
}

TempDir::TempDir(TempDir&& other) noexcept : path_(std::exchange(other.path_, {})) {}

TempDir& TempDir::operator=(TempDir&& other) noexcept {
  std::swap(path_, other.path_);
  return *this;
}

TempDir::~TempDir() {
  if (!path_.empty()) (void)remove_tree(path_);
}

std::string TempDir::release() { return std::exchange(path_, {}); }

std::string random_hex(std::size_t bytes) {
  std::vector<std::byte> random(bytes);
  CHECK(::getrandom(random.data(), bytes, 0) == static_cast<ssize_t>(bytes));
  return hex(random);
}

}  // namespace strata::sys
