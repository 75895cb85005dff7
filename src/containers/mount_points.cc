#include "containers/mount_points.h"

#include <array>
#include <string_view>

namespace strata::containers {
namespace {

constexpr auto kOurs = std::to_array<std::string_view>({
    "/dev",
    "/dev/console",
    "/dev/mqueue",
    "/dev/pts",
    "/dev/shm",
    "/etc/hostname",
    "/etc/hosts",
    "/etc/resolv.conf",
    "/proc",
    "/sys",
    "/sys/fs",
    "/sys/fs/cgroup",
});

}  // namespace

std::set<std::string, std::less<>> mount_points(const Config& config) {
  std::set<std::string, std::less<>> points(kOurs.begin(), kOurs.end());
  for (const Mount& mount : config.mounts) points.insert(mount.target);
  return points;
}

}  // namespace strata::containers
