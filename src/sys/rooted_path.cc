#include "sys/rooted_path.h"

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <deque>
#include <vector>

#include "base/strings.h"
#include "sys/file.h"

namespace strata::sys {
namespace {

constexpr int kMaxSymlinks = 40;

bool openat2_works() {
  static const bool works = [] {
    if (std::getenv("STRATA_NO_OPENAT2") != nullptr) return false;
    open_how how{};
    how.flags = O_PATH | O_CLOEXEC;
    const UniqueFd probe(static_cast<int>(::syscall(SYS_openat2, AT_FDCWD, ".", &how, sizeof how)));
    return probe || errno != ENOSYS;
  }();
  return works;
}

std::deque<std::string> components_of(std::string_view path) {
  std::deque<std::string> components;
  for (const std::string_view part : split(path, '/'))
    if (!part.empty() && part != ".") components.emplace_back(part);
  return components;
}

Result<std::string> read_link(int fd) {
  std::string target(PATH_MAX, '\0');
  const ssize_t n = ::readlinkat(fd, "", target.data(), target.size());
  if (n < 0) return Error::from_errno(errno, "readlink");
  target.resize(static_cast<std::size_t>(n));
  return target;
}

// The walk by hand: a stack of O_PATH directories below the root, and the components still to come.
// `on_missing` is asked about a component that does not exist: it makes one, fails, or returns none, which leaves
// that one and what follows it as names.
struct Walk {
  std::vector<UniqueFd> directories;  // below the root, outermost first
  std::vector<std::string> names;     // their names
  std::vector<std::string> absent;    // below the last of them, names of what does not exist
  UniqueFd file;                      // the last component when it is no directory
  std::string file_name;
};

template <class OnMissing>
Result<Walk> walk(int root, std::string_view path, bool follow_last, OnMissing on_missing) {
  Walk walked;
  std::deque<std::string> todo = components_of(path);
  const bool wants_directory = path.ends_with('/');
  int links = 0;
  while (!todo.empty()) {
    const std::string name = std::move(todo.front());
    todo.pop_front();
    if (name == "..") {
      if (!walked.absent.empty()) {
        walked.absent.pop_back();
      } else if (!walked.directories.empty()) {
        walked.directories.pop_back();
        walked.names.pop_back();
      }
      continue;
    }
    if (!walked.absent.empty()) {
      walked.absent.push_back(name);
      continue;
    }
    const int here = walked.directories.empty() ? root : walked.directories.back().get();
    UniqueFd next(::openat(here, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next) {
      if (errno != ENOENT) return error_from(errno, "{}", path);
      next = TRY(on_missing(here, name));
      if (!next) {
        walked.absent.push_back(name);
        continue;
      }
    }
    const struct stat status = TRY(stat_fd(next.get()));
    const bool last = todo.empty();
    if (S_ISLNK(status.st_mode) && (!last || follow_last || wants_directory)) {
      if (++links > kMaxSymlinks) return error_from(ELOOP, "{}", path);
      const std::string target = TRY(read_link(next.get()));
      if (target.starts_with('/')) {
        walked.directories.clear();
        walked.names.clear();
      }
      std::deque<std::string> prefix = components_of(target);
      todo.insert(todo.begin(), std::make_move_iterator(prefix.begin()), std::make_move_iterator(prefix.end()));
    } else if (S_ISDIR(status.st_mode)) {
      walked.directories.push_back(std::move(next));
      walked.names.push_back(name);
    } else if (!last || wants_directory) {
      return error_from(ENOTDIR, "{}", path);
    } else {
      walked.file = std::move(next);
      walked.file_name = name;
    }
  }
  return walked;
}

auto refuse_missing(std::string_view path) {
  return [path](int, const std::string&) -> Result<UniqueFd> { return error_from(ENOENT, "{}", path); };
}

std::string name_of(const Walk& walked) {
  std::string path;
  for (const std::string& name : walked.names) path += '/' + name;
  if (walked.file) path += '/' + walked.file_name;
  for (const std::string& name : walked.absent) path += '/' + name;
  return path.empty() ? "/" : path;
}

// Opens for real what an O_PATH descriptor denotes.
Result<UniqueFd> reopen(int fd, int flags, std::string_view path) {
  UniqueFd opened(::open(("/proc/self/fd/" + std::to_string(fd)).c_str(), flags & ~O_NOFOLLOW & ~O_CREAT));
  if (!opened) return error_from(errno, "{}", path);
  return opened;
}

Result<UniqueFd> open_by_walk(int root, std::string_view path, int flags, mode_t mode) {
  flags |= O_CLOEXEC;
  if ((flags & O_CREAT) != 0) {
    const RootedParent parent = TRY(open_parent_in_root(root, path));
    const UniqueFd existing(::openat(parent.directory.get(), parent.name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!existing) {
      UniqueFd created(::openat(parent.directory.get(), parent.name.c_str(), flags | O_NOFOLLOW, mode));
      if (!created) return error_from(errno, "{}", path);
      return created;
    }
    if ((flags & O_EXCL) != 0) return error_from(EEXIST, "{}", path);
  }
  Walk walked = TRY(walk(root, path, (flags & O_NOFOLLOW) == 0, refuse_missing(path)));
  UniqueFd& target = walked.file ? walked.file : walked.directories.empty() ? walked.file : walked.directories.back();
  const int target_fd = target ? target.get() : root;
  if (walked.file && (flags & O_DIRECTORY) != 0) return error_from(ENOTDIR, "{}", path);
  if ((flags & O_PATH) != 0) return target ? Result<UniqueFd>(std::move(target)) : duplicate(root);
  const struct stat status = TRY(stat_fd(target_fd));
  if (S_ISLNK(status.st_mode)) return error_from(ELOOP, "{}", path);
  return reopen(target_fd, flags, path);
}

}  // namespace

Result<UniqueFd> open_in_root(int root, std::string_view path, int flags, mode_t mode) {
  if (path.find('\0') != std::string_view::npos) return error_from(EINVAL, "{}", printable(path));
  if (!openat2_works()) return open_by_walk(root, path, flags, mode);
  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags) | O_CLOEXEC;
  how.mode = mode;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const std::string name = path.empty() ? "." : std::string(path);
  for (int attempt = 0;; ++attempt) {
    UniqueFd fd(static_cast<int>(::syscall(SYS_openat2, root, name.c_str(), &how, sizeof how)));
    if (fd) return fd;
    // EAGAIN: a rename raced with the walk; the kernel asks to try again.
    if ((errno != EAGAIN && errno != EINTR) || attempt == 100) return error_from(errno, "{}", path);
  }
}

Result<RootedParent> open_parent_in_root(int root, std::string_view path) {
  while (path.size() > 1 && path.ends_with('/')) path.remove_suffix(1);
  const auto slash = path.find_last_of('/');
  std::string_view name = slash == std::string_view::npos ? path : path.substr(slash + 1);
  if (name == "..") {
    // The parent is itself a walk: resolve it whole, then there is no name left but ".".
    return RootedParent{TRY(open_in_root(root, path, O_PATH | O_DIRECTORY)), "."};
  }
  const std::string_view directory = slash == std::string_view::npos ? "." : path.substr(0, slash + 1);
  return RootedParent{TRY(open_in_root(root, directory, O_PATH | O_DIRECTORY)), name.empty() ? "." : std::string(name)};
}

Result<UniqueFd> make_directories_in_root(int root, std::string_view path, mode_t mode, uid_t uid, gid_t gid) {
  const auto make = [&](int here, const std::string& name) -> Result<UniqueFd> {
    if (::mkdirat(here, name.c_str(), mode) != 0 && errno != EEXIST) return error_from(errno, "mkdir {}", path);
    UniqueFd made(::openat(here, name.c_str(), O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC));
    if (!made) return error_from(errno, "mkdir {}", path);
    const std::string self = "/proc/self/fd/" + std::to_string(made.get());
    if (::chmod(self.c_str(), mode) != 0) return error_from(errno, "chmod {}", path);
    if ((uid != static_cast<uid_t>(-1) || gid != static_cast<gid_t>(-1)) &&
        ::fchownat(made.get(), "", uid, gid, AT_EMPTY_PATH) != 0)
      return error_from(errno, "chown {}", path);
    return made;
  };
  Walk walked = TRY(walk(root, path, true, make));
  if (walked.file) return error_from(ENOTDIR, "{}", path);
  if (walked.directories.empty()) return duplicate(root);
  return std::move(walked.directories.back());
}

Result<std::string> resolve_in_root(int root, std::string_view path) {
  return name_of(TRY(walk(root, path, true, refuse_missing(path))));
}

Result<std::string> resolve_new_in_root(int root, std::string_view path) {
  return name_of(TRY(walk(root, path, true, [](int, const std::string&) -> Result<UniqueFd> { return UniqueFd(); })));
}

}  // namespace strata::sys
