// What a container's upper says differs from its image, without the places where our mounts go.
#include <fcntl.h>

#include <algorithm>
#include <set>

#include "containers/containers.h"
#include "containers/mount_points.h"
#include "layers/layers.h"
#include "layers/upper_tar.h"
#include "sys/file.h"

namespace strata::containers {
namespace {

bool is_below(std::string_view path, std::string_view directory) {
  return path.size() > directory.size() + 1 && path.starts_with(directory) && path[directory.size()] == '/';
}

// A mount point that an image lacks is made in the upper at the start: nobody in the container made it, nor
// changed the directory it is in.
std::vector<layers::Change> without_mount_points(std::vector<layers::Change> changes, const Config& config) {
  const std::set<std::string, std::less<>> targets = mount_points(config);
  std::vector<std::string> dropped;
  std::erase_if(changes, [&](const layers::Change& change) {
    if (change.kind != layers::Change::Kind::kAdded || !targets.contains(change.path)) return false;
    dropped.push_back(change.path);
    return true;
  });
  // From the bottom up: a directory is shown when anything below it still is.
  for (std::size_t i = changes.size(); i-- > 0;) {
    const std::string path = changes[i].path;
    if (changes[i].kind == layers::Change::Kind::kDeleted) continue;
    // Few are, so the second question is rarely asked.
    if (std::ranges::none_of(dropped, [&](const std::string& d) { return is_below(d, path); })) continue;
    if (std::ranges::any_of(changes, [&](const layers::Change& other) { return is_below(other.path, path); })) continue;
    dropped.push_back(path);
    changes.erase(changes.begin() + static_cast<std::ptrdiff_t>(i));
  }
  return changes;
}

}  // namespace

Result<std::vector<Change>> Containers::diff(const Container& container) {
  std::vector<Change> out;
  const ContainerPaths files = paths(container.id);
  if (!sys::exists(files.upper)) return out;  // it has never run
  const images::Image image = TRY(parts_.images.get(container.image_id), "image {}", container.image_name);
  const sys::UniqueFd lower = TRY(parts_.layers.mount_rootfs(image.chain_ids, nullptr), "mount the image");
  const sys::UniqueFd upper = TRY(sys::open_file(files.upper, O_RDONLY | O_DIRECTORY));
  std::vector<layers::Change> changes = TRY(layers::list_upper_changes(upper.get(), lower.get()));
  for (layers::Change& change : without_mount_points(std::move(changes), container.config))
    out.push_back({layers::letter(change.kind), std::move(change.path)});
  return out;
}

}  // namespace strata::containers
