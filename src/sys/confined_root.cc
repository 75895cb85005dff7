#include "sys/confined_root.h"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

namespace strata::sys {

Result<> confine_to_directory(int dir, std::span<const int> capabilities) {
  if (::fchdir(dir) != 0) return error_from(errno, "fchdir");
  if (::chroot(".") != 0) return error_from(errno, "chroot");
  for (int capability = 0;; ++capability) {
    if (::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) < 0) break;  // past the last one
    if (std::ranges::find(capabilities, capability) == capabilities.end() &&
        ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) != 0)
      return error_from(errno, "prctl(PR_CAPBSET_DROP)");
  }
  std::uint64_t mask = 0;
  for (const int capability : capabilities) mask |= std::uint64_t{1} << capability;
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  for (int i = 0; i < 2; ++i) {
    data[i].effective = data[i].permitted = static_cast<std::uint32_t>(mask >> (32 * i));
    data[i].inheritable = 0;
  }
  if (::syscall(SYS_capset, &header, data) != 0) return error_from(errno, "capset");
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return error_from(errno, "prctl(PR_SET_NO_NEW_PRIVS)");
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return error_from(errno, "prctl(PR_SET_DUMPABLE)");
  return {};
}

}  // namespace strata::sys
