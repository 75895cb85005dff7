// Who a process in a container is: docker's --user against the rootfs's own /etc/passwd and /etc/group.
// Both are foreign: resolved inside the root, read only when regular and at most kMaxAccountFile big.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::containers {

inline constexpr std::size_t kMaxAccountFile = 4 << 20;

struct RootfsUser {
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<gid_t> groups;  // supplementary, the primary one first
  std::string home = "/";
};

// `user` is "name|uid[:group|gid]" or "" (root); `rootfs` a descriptor of its root directory. A name that
// /etc/passwd (or /etc/group) does not have is kInvalidArgument in docker's words; a missing file is an empty one.
Result<RootfsUser> resolve_user(int rootfs, std::string_view user);

}  // namespace strata::containers
