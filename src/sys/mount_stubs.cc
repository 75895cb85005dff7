#include "sys/mount_stubs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ranges>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/rooted_path.h"

namespace strata::sys {

Result<MountStubs> MountStubs::note(int root, std::span<const std::string> targets) {
  MountStubs out;
  for (const std::string& target : targets) {
    const Result<std::string> resolved = resolve_new_in_root(root, target);
    if (!resolved) continue;  // making it will fail with a better message
    std::string path;
    std::string parent = "/";
    struct timespec times[2] = {};
    bool parent_exists = true;
    for (const std::string_view part : split(*resolved, '/')) {
      if (part.empty()) continue;
      path += "/" + std::string(part);
      if (parent_exists) {
        const Result<UniqueFd> entry = open_in_root(root, path, O_PATH);
        if (entry) {
          parent = path;
          continue;
        }
        if (entry.error().error_number() != ENOENT) break;  // making it will fail with a better message
        const UniqueFd above = TRY(open_in_root(root, parent, O_PATH));
        const struct stat status = TRY(stat_fd(above.get()));
        times[0] = status.st_atim;
        times[1] = status.st_mtim;
      }
      if (std::ranges::none_of(out.stubs_, [&](const Stub& stub) { return stub.path == path; }))
        out.stubs_.push_back({path, parent, {times[0], times[1]}, parent_exists});
      parent = path;
      parent_exists = false;
    }
  }
  return out;
}

Result<> MountStubs::remove(int root) const {
  for (const Stub& stub : stubs_ | std::views::reverse) {
    const Result<RootedParent> found = open_parent_in_root(root, stub.path);
    if (!found) continue;
    const int directory = found->directory.get();
    struct stat status;
    if (::fstatat(directory, found->name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    const bool is_directory = S_ISDIR(status.st_mode);
    if (!is_directory && (!S_ISREG(status.st_mode) || status.st_size != 0)) continue;
    if (::unlinkat(directory, found->name.c_str(), is_directory ? AT_REMOVEDIR : 0) != 0) {
      if (errno == ENOTEMPTY || errno == EEXIST || errno == ENOENT) continue;
      return error_from(errno, "remove {}", stub.path);
    }
    if (!stub.parent_exists) continue;
    const UniqueFd parent = TRY(open_in_root(root, stub.parent, O_RDONLY | O_DIRECTORY));
    if (::futimens(parent.get(), stub.times) != 0) return error_from(errno, "utimensat {}", stub.parent);
  }
  return {};
}

}  // namespace strata::sys
