// A container's root file system as a tar. It is put together once more, read-only, with the
// container's upper on top: so what is mounted in a running container does not get in, and one that
// never ran has a root file system too.
#include <fcntl.h>

#include "containers/containers.h"
#include "layers/layers.h"
#include "layers/upper_tar.h"
#include "sys/file.h"

namespace strata::containers {
namespace {

class FdSink final : public codec::ByteSink {
 public:
  explicit FdSink(int fd) : fd_(fd) { buffer_.reserve(kBufferSize); }
  Result<> write(std::span<const std::byte> bytes) override {
    if (buffer_.size() + bytes.size() > kBufferSize) TRY(flush());
    if (bytes.size() >= kBufferSize) return sys::write_all(fd_, bytes).context("write the archive");
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
    return {};
  }
  Result<> flush() {
    TRY(sys::write_all(fd_, buffer_), "write the archive");
    buffer_.clear();
    return {};
  }

 private:
  static constexpr std::size_t kBufferSize = 256 << 10;
  int fd_;
  std::vector<std::byte> buffer_;
};

}  // namespace

Result<> Containers::export_rootfs(const Container& container, int output) {
  const ContainerPaths files = paths(container.id);
  const images::Image image =
      TRY(parts_.images.get(container.image_id), "image {}", container.image_name);
  std::vector<std::string> uppers;
  if (sys::exists(files.upper)) uppers.push_back(files.upper);
  const sys::UniqueFd root = TRY(parts_.layers.mount_rootfs(image.chain_ids, nullptr, uppers),
                                 "mount the root file system");
  FdSink out(output);
  TRY(layers::write_upper_tar(root.get(), out, {.merged = true}));
  return out.flush();
}

}  // namespace strata::containers
