#include "sys/become.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace strata::sys {
namespace {

constexpr int kFirst = 3;
constexpr std::size_t kMaxFds = 1024;

void reset_signals() {
  struct sigaction action{};
  action.sa_handler = SIG_DFL;
  for (int signal = 1; signal < NSIG; ++signal) ::sigaction(signal, &action, nullptr);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

// 0, or the errno of what failed.
int arrange(std::span<const int> fds) {
  if (fds.size() > kMaxFds) return EMFILE;
  // First away from every target number, then to the targets, so that none tramples another.
  std::array<int, kMaxFds> high;
  const int end = kFirst + static_cast<int>(fds.size());
  for (std::size_t i = 0; i < fds.size(); ++i)
    if ((high[i] = ::fcntl(fds[i], F_DUPFD_CLOEXEC, end)) < 0) return errno;
  for (std::size_t i = 0; i < fds.size(); ++i)
    if (::dup2(high[i], kFirst + static_cast<int>(i)) < 0) return errno;
  const int null = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  if (null < 0) return errno;
  for (int fd = 0; fd < kFirst; ++fd)
    // F_SETFD for the case that /dev/null was opened as this very number.
    if (::dup2(null, fd) < 0 || ::fcntl(fd, F_SETFD, 0) != 0) return errno;
  ::syscall(SYS_close_range, static_cast<unsigned>(end), ~0U, CLOSE_RANGE_CLOEXEC);
  return 0;
}

}  // namespace

Error become(const char* program, std::span<const int> fds, char* const* argv, char* const* envp) {
  reset_signals();
  ::setsid();  // fails, harmlessly, when we lead a session already
  if (::chdir("/") != 0) return Error::from_errno(errno, "chdir /");
  if (const int failed = arrange(fds); failed != 0) return Error::from_errno(failed, "arrange descriptors");
  ::execve(program, argv, envp);
  return Error::from_errno(errno, program);
}

Result<DetachedChild> start_detached(const char* program, std::span<const int> fds, char* const* argv,
                                     char* const* envp) {
  int pidfd = -1;
  // Not by the C library's fork(): its handlers and locks do not matter to a child that only executes.
  const long pid = ::syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, nullptr, &pidfd, nullptr, nullptr);
  if (pid < 0) return Error::from_errno(errno, "fork");
  if (pid == 0) {
    (void)become(program, fds, argv, envp);
    ::_exit(127);
  }
  return DetachedChild{static_cast<pid_t>(pid), UniqueFd(pidfd)};
}

}  // namespace strata::sys
