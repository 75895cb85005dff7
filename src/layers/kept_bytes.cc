#include "layers/kept_bytes.h"

#include "sys/file.h"
#include "sys/mount.h"
#include "sys/new_entry.h"

namespace strata::layers {
namespace {

// With less than this left the layer itself needs the space.
constexpr std::uint64_t kPlenty = 512 << 20;
constexpr std::uint64_t kCheckEvery = 32 << 20;

}  // namespace

void KeptBytes::append(std::span<const std::byte> bytes, std::uint64_t position) {
  if (fd_ < 0) return;
  if (position >= checked_) {
    const auto space = sys::free_space(fd_);
    if (!space || *space < kPlenty) return give_up();
    checked_ = position + kCheckEvery;
  }
  if (!sys::pwrite_all(fd_, bytes, position)) give_up();
}

void KeptBytes::give_up() {
  (void)sys::set_file_size(fd_, 0);
  fd_ = -1;
}

}  // namespace strata::layers
