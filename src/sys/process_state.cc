#include "sys/process_state.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <climits>

namespace strata::sys {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const std::string& s : strings) result.push_back(const_cast<char*>(s.c_str()));
  result.push_back(nullptr);
  return result;
}

Result<> close_between(unsigned first, unsigned last) {
  if (first > last) return {};
  if (::syscall(SYS_close_range, first, last, 0) != 0) return Error::from_errno(errno, "close_range");
  return {};
}

}  // namespace

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

Result<> new_session() {
  if (::setsid() < 0) return Error::from_errno(errno, "setsid");
  return {};
}

void close_descriptor(int fd) { ::close(fd); }

Result<> replace_descriptors(int in, int out, int err, int keep) {
  const int ours[3] = {in, out, err};
  int high[3];
  for (int i = 0; i < 3; ++i) {
    high[i] = ::fcntl(ours[i], F_DUPFD_CLOEXEC, 3);
    if (high[i] < 0) return Error::from_errno(errno, "duplicate standard stream");
  }
  for (int i = 0; i < 3; ++i)
    if (::dup2(high[i], i) < 0) return Error::from_errno(errno, "duplicate standard stream");
  if (keep < 3) return close_between(3, UINT_MAX);
  TRY(close_between(3, static_cast<unsigned>(keep) - 1));
  return close_between(static_cast<unsigned>(keep) + 1, UINT_MAX);
}

void give_away_stream(int fd, uid_t uid) {
  struct stat status{};
  if (::fstat(fd, &status) != 0 || status.st_uid == uid) return;
  const bool null = S_ISCHR(status.st_mode) && status.st_rdev == makedev(1, 3);
  if (!null) (void)!::fchown(fd, uid, static_cast<gid_t>(-1));
}

mode_t set_umask(mode_t mask) { return ::umask(mask); }

Result<> change_directory(const std::string& path) {
  if (::chdir(path.c_str()) != 0) return error_from(errno, "chdir to {:?}", path);
  return {};
}

Result<std::string> current_directory() {
  // The system call itself: it marks what cannot be reached from the root, which glibc would go and
  // search.
  char path[PATH_MAX];
  const long size = ::syscall(SYS_getcwd, path, sizeof path);
  if (size < 0) return Error::from_errno(errno, "getcwd");
  if (path[0] != '/') return error(ErrorKind::kPermissionDenied, "the working directory is outside the root");
  return std::string(path);
}

int check_executable(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) return errno;
  if (S_ISDIR(status.st_mode)) return EISDIR;
  return ::faccessat(AT_FDCWD, path.c_str(), X_OK, AT_EACCESS) == 0 ? 0 : errno;
}

int execute(const std::string& path, const std::vector<std::string>& arguments,
            const std::vector<std::string>& environment) {
  ::execve(path.c_str(), pointers(arguments).data(), pointers(environment).data());
  return errno;
}

void exit_now(int code) { ::_exit(code); }

}  // namespace strata::sys
