#include "sys/new_entry.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/strings.h"

namespace strata::sys {
namespace {

Result<> checked(int outcome, const char* call, const std::string& name) {
  if (outcome == 0) return {};
  return error_from(errno, "{} '{}'", call, printable(name));
}

}  // namespace

Result<> make_directory_entry(int dir, const std::string& name, mode_t mode) {
  return checked(::mkdirat(dir, name.c_str(), mode), "mkdirat", name);
}

Result<> make_node_entry(int dir, const std::string& name, mode_t mode, unsigned major, unsigned minor) {
  return checked(::mknodat(dir, name.c_str(), mode, makedev(major, minor)), "mknodat", name);
}

Result<> make_symlink_entry(int dir, const std::string& name, const std::string& target) {
  return checked(::symlinkat(target.c_str(), dir, name.c_str()), "symlinkat", name);
}

Result<> make_link_entry(int old_dir, const std::string& old_name, int new_dir, const std::string& new_name) {
  return checked(::linkat(old_dir, old_name.c_str(), new_dir, new_name.c_str(), 0), "linkat", new_name);
}

Result<> set_entry_owner(int dir, const std::string& name, uid_t uid, gid_t gid) {
  return checked(::fchownat(dir, name.c_str(), uid, gid, AT_SYMLINK_NOFOLLOW), "fchownat", name);
}

Result<> set_entry_mode(int dir, const std::string& name, mode_t mode) {
  return checked(::fchmodat(dir, name.c_str(), mode, 0), "fchmodat", name);
}

Result<> set_entry_time(int dir, const std::string& name, std::int64_t seconds, std::uint32_t nanoseconds) {
  const struct timespec time = {seconds, static_cast<long>(nanoseconds)};
  const struct timespec times[2] = {time, time};
  return checked(::utimensat(dir, name.c_str(), times, AT_SYMLINK_NOFOLLOW), "utimensat", name);
}

Result<> set_entry_xattr(int dir, const std::string& name, const std::string& xattr, std::string_view value) {
  // setxattrat(2) came with Linux 6.13, and /proc need not be there.
  TRY(checked(::fchdir(dir), "fchdir", name));
  if (::lsetxattr(name.c_str(), xattr.c_str(), value.data(), value.size(), 0) != 0)
    return error_from(errno, "lsetxattr {} of '{}'", printable(xattr), printable(name));
  return {};
}

Result<> set_directory_xattr(int directory, const std::string& xattr, std::string_view value) {
  if (::fsetxattr(directory, xattr.c_str(), value.data(), value.size(), 0) != 0)
    return error_from(errno, "fsetxattr {}", printable(xattr));
  return {};
}

Result<> unshare_working_directory() { return checked(::unshare(CLONE_FS), "unshare", "CLONE_FS"); }

Result<> set_file_size(int fd, std::uint64_t size) {
  if (::ftruncate(fd, static_cast<off_t>(size)) != 0) return error_from(errno, "ftruncate to {}", size);
  return {};
}

Result<> seek_to(int fd, std::uint64_t offset) {
  if (::lseek(fd, static_cast<off_t>(offset), SEEK_SET) < 0) return error_from(errno, "lseek to {}", offset);
  return {};
}

}  // namespace strata::sys
