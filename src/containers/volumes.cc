#include "containers/volumes.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>

#include "base/strings.h"
#include "store/trash.h"
#include "sys/byte_lock.h"
#include "sys/file.h"
#include "sys/rooted_path.h"
#include "sys/tree_copy.h"

namespace strata::containers {
namespace {

// Beside the containers' locks, in a file of its own.
Result<sys::ByteLock> lock_volume(const store::Paths& paths, std::string_view name) {
  return sys::ByteLock::acquire(paths.run_root + "/volumes.lock", std::hash<std::string_view>()(name));
}

}  // namespace

std::string volume_directory(const store::Paths& paths, std::string_view name) {
  return fmt::format("{}/volumes/{}", paths.root, name);
}

Result<std::string> prepare_volume(const store::Paths& paths, const Mount& mount, int rootfs) {
  const sys::ByteLock lock = TRY(lock_volume(paths, mount.name));
  const std::string directory = volume_directory(paths, mount.name);
  const std::string data = directory + "/_data";
  if (sys::exists(data)) return data;
  const std::string partial = directory + "/_data.partial";
  TRY(sys::make_directories(directory, 0701));
  TRY(sys::remove_tree(partial));
  TRY(sys::make_directories(partial));
  const Result<sys::UniqueFd> source = sys::open_in_root(rootfs, mount.target, O_RDONLY | O_DIRECTORY);
  if (source && !mount.no_copy) {
    const sys::UniqueFd target = TRY(sys::open_file(partial, O_RDONLY | O_DIRECTORY));
    TRY(sys::copy_tree(source->get(), target.get()), "fill volume {}", mount.name);
  }
  TRY(sys::rename_path(partial, data));
  return data;
}

Result<> remove_marked_volumes(store::Store& store, Records& records) {
  const store::Paths& paths = store.paths();
  for (const std::string& name : TRY(records.volumes_to_remove())) {
    const sys::ByteLock lock = TRY(lock_volume(paths, name));
    // A container may have come to use it meanwhile: it then is no longer marked, and one that comes from
    // now on waits for the lock and finds it empty.
    const std::vector<std::string> still = TRY(records.volumes_to_remove());
    if (std::ranges::find(still, name) == still.end()) continue;
    TRY(store::discard(store, volume_directory(paths, name)));
    TRY(records.erase_volume(name));
  }
  return {};
}

}  // namespace strata::containers
