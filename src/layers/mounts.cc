#include "layers/mounts.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cerrno>

#include "sys/file.h"
#include "sys/file_lock.h"
#include "sys/mount.h"

namespace strata::layers {
namespace {

const std::string kDirectOption = "directio";

// Empty when nothing of ours is mounted there (in this mount namespace).
Result<sys::UniqueFd> open_mounted(const std::string& path) {
  Result<sys::UniqueFd> directory = sys::open_file(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) {
    if (directory.error().error_number() == ENOENT) return sys::UniqueFd();
    return directory;
  }
  if (TRY(sys::file_system_type(directory->get())) != sys::kErofsMagic) return sys::UniqueFd();
  return directory;
}

}  // namespace

Result<sys::UniqueFd> MountCache::get(const std::string& key, const std::function<Result<sys::UniqueFd>()>& mount) {
  const std::string path = directory() + "/" + key;
  if (sys::UniqueFd known = TRY(open_mounted(path))) return known;
  const auto lock = TRY(sys::FileLock::acquire(run_root_ + "/mounts.lock"));
  if (sys::UniqueFd known = TRY(open_mounted(path))) return known;
  TRY(sys::make_directories(directory(), 0700));
  if (!TRY(sys::is_mount_point(directory()))) TRY(sys::bind_private(directory(), directory()));
  TRY(sys::make_directories(path, 0700));
  const sys::UniqueFd made = TRY(mount());
  TRY(sys::attach_mount(made.get(), path));
  return sys::open_file(path, O_PATH | O_DIRECTORY | O_NOFOLLOW);
}

Result<> MountCache::unmount_if(const std::function<bool(const std::string&)>& wanted) {
  if (!sys::exists(directory())) return {};
  const auto lock = TRY(sys::FileLock::acquire(run_root_ + "/mounts.lock"));
  Result<std::vector<std::string>> names = sys::list_directory(directory());
  if (!names) return names.error().error_number() == ENOENT ? Result<>() : std::move(names).take_error();
  bool any_left = false;
  for (const std::string& name : *names) {
    const std::string path = directory() + "/" + name;
    if (!wanted(name)) {
      any_left = true;
      continue;
    }
    const Result<> unmounted = sys::unmount(path, UMOUNT_NOFOLLOW);
    // EINVAL: nothing is mounted there. EBUSY: a process is just putting an overlay on it.
    if (!unmounted && unmounted.error().error_number() != EINVAL) {
      if (unmounted.error().error_number() != EBUSY) return unmounted;
      any_left = true;
      continue;
    }
    TRY(sys::remove_tree(path));
  }
  if (any_left) return {};
  const Result<> unmounted = sys::unmount(directory(), UMOUNT_NOFOLLOW);
  if (!unmounted && unmounted.error().error_number() != EINVAL && unmounted.error().error_number() != EBUSY)
    return unmounted;
  return {};
}

Result<> MountCache::keep_only(const std::set<std::string>& keys) {
  return unmount_if([&](const std::string& key) { return !keys.contains(key); });
}

Result<> MountCache::drop(const std::set<std::string>& keys) {
  return unmount_if([&](const std::string& key) { return keys.contains(key); });
}

Result<> MountCache::read_directly(const std::function<Result<bool>(const std::string& key)>& wanted) {
  for (const auto& [key, options] : TRY(sys::mounts_in(directory()))) {
    if (options.ends_with(kDirectOption) || !TRY(wanted(key))) continue;
    const auto lock = TRY(sys::FileLock::acquire(run_root_ + "/mounts.lock"));
    const sys::UniqueFd still = TRY(open_mounted(directory() + "/" + key));
    if (!still) continue;
    sys::FsContext context = TRY(sys::FsContext::pick(directory() + "/" + key));
    TRY(context.set_flag(kDirectOption));
    TRY(context.reconfigure());
  }
  return {};
}

Result<sys::UniqueFd> mount_index(const std::string& index, std::span<const std::string> data, Reads reads) {
  // A long path by descriptor: the kernel opens /proc/self/fd/N.
  std::vector<sys::UniqueFd> files;
  const auto name_of = [&](const std::string& path) -> Result<std::string> {
    if (path.size() < 255) return path;
    files.push_back(TRY(sys::open_file(path, O_RDONLY)));
    return fmt::format("/proc/self/fd/{}", files.back().get());
  };
  sys::FsContext context = TRY(sys::FsContext::open("erofs"));
  TRY(context.set_string("source", TRY(name_of(index))));
  for (const std::string& path : data) TRY(context.set_string("device", TRY(name_of(path))));
  if (reads == Reads::kDirect) TRY(context.set_flag(kDirectOption));
  return context.mount(MOUNT_ATTR_RDONLY);
}

}  // namespace strata::layers
