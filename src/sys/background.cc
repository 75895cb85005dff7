#include "sys/background.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace strata::sys {
namespace {

void close_all_but(std::span<const int> keep) {
  std::vector<int> kept(keep.begin(), keep.end());
  std::ranges::sort(kept);
  unsigned first = 3;
  for (const int fd : kept) {
    if (fd < 0 || static_cast<unsigned>(fd) < first) continue;
    if (static_cast<unsigned>(fd) > first) ::close_range(first, static_cast<unsigned>(fd) - 1, 0);
    first = static_cast<unsigned>(fd) + 1;
  }
  ::close_range(first, ~0U, 0);
}

}  // namespace

Result<> run_in_background(const char* name, std::span<const int> keep, const std::function<void()>& work) {
  const pid_t pid = ::fork();
  if (pid < 0) return Error::from_errno(errno, "fork");
  if (pid > 0) return {};
  ::setsid();
  ::prctl(PR_SET_NAME, name);
  // The store may lie on a file system that somebody wants to unmount.
  if (::chdir("/") != 0) ::_exit(1);
  const int null = ::open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2})
    if (null != fd) ::dup2(null, fd);
  close_all_but(keep);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  work();
  ::_exit(0);
}

Result<> sync_file_system(int fd) {
  if (::syncfs(fd) != 0) return Error::from_errno(errno, "syncfs");
  return {};
}

}  // namespace strata::sys
