#include "sys/privileges.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace strata::sys {
namespace {

constexpr uid_t kNobody = 65534;

Result<> clear_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct none[2] = {};
  if (::syscall(SYS_capset, &header, none) != 0) return Error::from_errno(errno, "capset");
  return {};
}

}  // namespace

Result<> drop_all_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Error::from_errno(errno, "no_new_privs");
  if (::geteuid() == 0) {
    // In a user namespace setgroups may be denied, and 65534 not mapped: then what we are is little
    // already.
    if (::setgroups(0, nullptr) != 0 && errno != EPERM) return Error::from_errno(errno, "setgroups");
    if (::setresgid(kNobody, kNobody, kNobody) != 0 && errno != EINVAL) return Error::from_errno(errno, "setresgid");
    if (::setresuid(kNobody, kNobody, kNobody) != 0 && errno != EINVAL) return Error::from_errno(errno, "setresuid");
  }
  TRY(clear_capabilities());
  if (::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) return Error::from_errno(errno, "prctl dumpable");
  return lower_limit(RLIMIT_CORE, 0);
}

Result<> lower_limit(int resource, std::uint64_t value) {
  const auto which = static_cast<__rlimit_resource>(resource);
  rlimit limit{};
  if (::getrlimit(which, &limit) != 0) return Error::from_errno(errno, "getrlimit");
  limit.rlim_max = std::min<rlim_t>(limit.rlim_max, value);
  limit.rlim_cur = std::min<rlim_t>(limit.rlim_cur, value);
  if (::setrlimit(which, &limit) != 0) return Error::from_errno(errno, "setrlimit");
  return {};
}

Result<> close_from(int first) {
  if (::close_range(static_cast<unsigned>(first), ~0U, 0) != 0) return Error::from_errno(errno, "close_range");
  return {};
}

}  // namespace strata::sys
