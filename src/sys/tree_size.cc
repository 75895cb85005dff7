#include "sys/tree_size.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <set>
#include <utility>

#include "sys/file.h"

namespace strata::sys {
namespace {

struct Walk {
  dev_t device;
  LinkedFiles& linked;
  std::uint64_t bytes = 0;

  void count(const struct stat& status) {
    if (status.st_nlink > 1 && !S_ISDIR(status.st_mode) && !linked.insert(status.st_ino).second) return;
    bytes += static_cast<std::uint64_t>(status.st_blocks) * 512;
  }

  Result<> directory(int dir) {
    for (const std::string& name : TRY(list_directory(dir))) {
      struct stat status;
      if (::fstatat(dir, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
        if (errno == ENOENT) continue;
        return error_from(errno, "stat {}", name);
      }
      if (status.st_dev != device) continue;
      count(status);
      if (!S_ISDIR(status.st_mode)) continue;
      const Result<UniqueFd> child = open_at(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
      if (!child) {
        if (child.error().error_number() == ENOENT) continue;
        return child.error();
      }
      TRY(directory(child->get()));
    }
    return {};
  }
};

}  // namespace

Result<std::uint64_t> tree_size(const std::string& path) {
  LinkedFiles counted;
  return tree_size(path, counted);
}

Result<std::uint64_t> tree_size(const std::string& path, LinkedFiles& counted) {
  const Result<UniqueFd> root = open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!root) {
    if (root.error().error_number() == ENOENT) return std::uint64_t{0};
    // No directory, or a symlink.
    struct stat status;
    if (::lstat(path.c_str(), &status) == 0 && !S_ISDIR(status.st_mode))
      return static_cast<std::uint64_t>(status.st_blocks) * 512;
    return root.error();
  }
  const struct stat status = TRY(stat_fd(root->get()));
  Walk walk{status.st_dev, counted, 0};
  walk.count(status);
  TRY(walk.directory(root->get()), "{}", path);
  return walk.bytes;
}

}  // namespace strata::sys
