#include "sys/entry.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace strata::sys {
namespace {

bool unsupported(int error_number) { return error_number == ENOTSUP || error_number == EOPNOTSUPP; }

}  // namespace

Result<struct stat> stat_entry(int dir, const std::string& name) {
  struct stat st;
  const int flags = AT_SYMLINK_NOFOLLOW | (name.empty() ? AT_EMPTY_PATH : 0);
  if (::fstatat(dir, name.c_str(), &st, flags) < 0) return error_from(errno, "stat {}", name);
  return st;
}

Result<std::string> read_link_entry(int dir, const std::string& name) {
  std::string target(PATH_MAX, '\0');
  const ssize_t n = ::readlinkat(dir, name.c_str(), target.data(), target.size());
  if (n < 0) return error_from(errno, "readlink {}", name);
  target.resize(static_cast<std::size_t>(n));
  return target;
}

Result<std::map<std::string, std::string>> xattrs_of_entry(int dir, const std::string& name) {
  // There is no llistxattrat() before Linux 6.13; a path through the descriptor's link is the same thing.
  const std::string link = "/proc/self/fd/" + std::to_string(dir);
  const std::string path = name.empty() ? link : link + "/" + name;
  const auto list = name.empty() ? ::listxattr : ::llistxattr;
  const auto get = name.empty() ? ::getxattr : ::lgetxattr;

  std::map<std::string, std::string> out;
  std::string names(4096, '\0');
  ssize_t length = 0;
  while ((length = list(path.c_str(), names.data(), names.size())) < 0) {
    if (unsupported(errno)) return out;
    if (errno != ERANGE || names.size() >= XATTR_LIST_MAX) return error_from(errno, "llistxattr {}", name);
    names.resize(XATTR_LIST_MAX);
  }
  names.resize(static_cast<std::size_t>(length));
  for (std::size_t at = 0; at < names.size();) {
    const std::string attribute = names.c_str() + at;
    at += attribute.size() + 1;
    std::string value(256, '\0');
    while ((length = get(path.c_str(), attribute.c_str(), value.data(), value.size())) < 0) {
      if (errno != ERANGE || value.size() >= XATTR_SIZE_MAX) break;
      value.resize(XATTR_SIZE_MAX);
    }
    if (length < 0) {
      if (errno == ENODATA || errno == EPERM || errno == EACCES || unsupported(errno)) continue;
      return error_from(errno, "lgetxattr {} {}", name, attribute);
    }
    value.resize(static_cast<std::size_t>(length));
    out.emplace(attribute, std::move(value));
  }
  return out;
}

}  // namespace strata::sys
