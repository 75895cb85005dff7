#include "sys/tree_copy.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <utility>
#include <vector>

#include "sys/file.h"

namespace strata::sys {
namespace {

constexpr int kMaxDepth = 2048;

class Copy {
 public:
  Result<> directory(int from, int to, int depth);

 private:
  Result<> entry(int from, int to, const std::string& name, int depth);
  Result<> file(int from, int to, const std::string& name, const struct stat& status);

  // Where the first name of an inode with several was copied to. A descriptor each: paths may be longer than
  // PATH_MAX.
  std::map<std::pair<dev_t, ino_t>, UniqueFd> links_;
};

// By descriptor for files and directories, by path for the rest ("/proc/self/fd/N" would follow).
Result<> copy_attributes(int from, int to) {
  std::vector<char> names(256);
  ssize_t size;
  while ((size = ::flistxattr(from, names.data(), names.size())) < 0) {
    if (errno == ENOTSUP) return {};
    if (errno != ERANGE) return Error::from_errno(errno, "listxattr");
    names.resize(names.size() * 4);
  }
  for (const char* name = names.data(); name < names.data() + size; name += std::string_view(name).size() + 1) {
    const std::string_view text(name);
    if (text.starts_with("trusted.overlay.") || text == "security.selinux") continue;
    std::vector<char> value(1024);
    ssize_t length;
    while ((length = ::fgetxattr(from, name, value.data(), value.size())) < 0 && errno == ERANGE)
      value.resize(value.size() * 4);
    if (length < 0) {
      if (errno == ENODATA) continue;
      return error_from(errno, "getxattr {}", text);
    }
    if (::fsetxattr(to, name, value.data(), static_cast<std::size_t>(length), 0) != 0 && errno != ENOTSUP)
      return error_from(errno, "setxattr {}", text);
  }
  return {};
}

// The owner first: changing it clears set-id bits and file capabilities.
Result<> copy_metadata(int from, int to, const struct stat& status) {
  if (::fchown(to, status.st_uid, status.st_gid) != 0) return Error::from_errno(errno, "chown");
  TRY(copy_attributes(from, to));
  if (::fchmod(to, status.st_mode & 07777) != 0) return Error::from_errno(errno, "chmod");
  const struct timespec times[2] = {status.st_atim, status.st_mtim};
  if (::futimens(to, times) != 0) return Error::from_errno(errno, "utimensat");
  return {};
}

Result<> copy_data(int from, int to, off_t size) {
  for (off_t at = 0; at < size;) {
    const off_t data = ::lseek(from, at, SEEK_DATA);
    if (data < 0) {
      if (errno == ENXIO) break;  // a hole up to the end
      return Error::from_errno(errno, "lseek");
    }
    const off_t hole = ::lseek(from, data, SEEK_HOLE);
    if (hole < 0) return Error::from_errno(errno, "lseek");
    if (::lseek(to, data, SEEK_SET) < 0) return Error::from_errno(errno, "lseek");
    TRY(copy_range(from, static_cast<std::uint64_t>(data), to, static_cast<std::uint64_t>(hole - data)));
    at = hole;
  }
  if (::ftruncate(to, size) != 0) return Error::from_errno(errno, "ftruncate");
  return {};
}

Result<> Copy::directory(int from, int to, int depth) {
  if (depth > kMaxDepth) return error(ErrorKind::kResourceExhausted, "directories more than {} deep", kMaxDepth);
  for (const std::string& name : TRY(list_directory(from))) TRY(entry(from, to, name, depth), "{}", name);
  return copy_metadata(from, to, TRY(stat_fd(from)));
}

Result<> Copy::file(int from, int to, const std::string& name, const struct stat& status) {
  const UniqueFd in = TRY(open_at(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
  UniqueFd out = TRY(open_at(to, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(copy_data(in.get(), out.get(), status.st_size));
  TRY(copy_metadata(in.get(), out.get(), status));
  if (status.st_nlink > 1) links_.emplace(std::pair(status.st_dev, status.st_ino), std::move(out));
  return {};
}

Result<> Copy::entry(int from, int to, const std::string& name, int depth) {
  struct stat status;
  if (::fstatat(from, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return Error::from_errno(errno, "stat");
  if (S_ISDIR(status.st_mode)) {
    if (::mkdirat(to, name.c_str(), 0700) != 0 && errno != EEXIST) return Error::from_errno(errno, "mkdir");
    const UniqueFd in = TRY(open_at(from, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const UniqueFd out = TRY(open_at(to, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    return directory(in.get(), out.get(), depth + 1);
  }
  if (S_ISREG(status.st_mode)) {
    const auto first = links_.find({status.st_dev, status.st_ino});
    if (first == links_.end()) return file(from, to, name, status);
    if (::linkat(first->second.get(), "", to, name.c_str(), AT_EMPTY_PATH) != 0)
      return Error::from_errno(errno, "link");
    return {};
  }
  if (S_ISSOCK(status.st_mode)) return {};
  if (S_ISLNK(status.st_mode)) {
    std::string target(static_cast<std::size_t>(status.st_size) + 1, '\0');
    const ssize_t length = ::readlinkat(from, name.c_str(), target.data(), target.size());
    if (length < 0) return Error::from_errno(errno, "readlink");
    target.resize(static_cast<std::size_t>(length));
    if (::symlinkat(target.c_str(), to, name.c_str()) != 0) return Error::from_errno(errno, "symlink");
  } else if (::mknodat(to, name.c_str(), status.st_mode, status.st_rdev) != 0) {
    return Error::from_errno(errno, "mknod");
  }
  if (::fchownat(to, name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0)
    return Error::from_errno(errno, "chown");
  if (!S_ISLNK(status.st_mode) && ::fchmodat(to, name.c_str(), status.st_mode & 07777, 0) != 0)
    return Error::from_errno(errno, "chmod");
  const struct timespec times[2] = {status.st_atim, status.st_mtim};
  if (::utimensat(to, name.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0) return Error::from_errno(errno, "utimensat");
  return {};
}

}  // namespace

Result<> copy_tree(int from, int to) { return Copy().directory(from, to, 0); }

}  // namespace strata::sys
