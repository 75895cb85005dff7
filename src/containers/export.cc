// A container's root file system as a tar. It is put together once more, read-only, with the
// container's upper on top: so what is mounted in a running container does not get in, and one that
// never ran has a root file system too.
#include <fcntl.h>

#include "containers/containers.h"
#include "layers/file_stream.h"
#include "layers/layers.h"
#include "layers/upper_tar.h"
#include "sys/file.h"

namespace strata::containers {
Result<> Containers::export_rootfs(const Container& container, int output) {
  const ContainerPaths files = paths(container.id);
  const images::Image image = TRY(parts_.images.get(container.image_id), "image {}", container.image_name);
  std::vector<std::string> uppers;
  if (sys::exists(files.upper)) uppers.push_back(files.upper);
  const sys::UniqueFd root =
      TRY(parts_.layers.mount_rootfs(image.chain_ids, nullptr, uppers), "mount the root file system");
  layers::FileSink out(output);
  TRY(layers::write_upper_tar(root.get(), out, {.merged = true}));
  return out.flush();
}

}  // namespace strata::containers
