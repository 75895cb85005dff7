#include "sys/forked_child.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace strata::sys {
namespace {

void reset_signals() {
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
}

void close_all_but(std::vector<int> keep) {
  std::ranges::sort(keep);
  unsigned first = 3;
  for (const int fd : keep) {
    if (fd < static_cast<int>(first)) continue;
    if (fd > static_cast<int>(first)) ::close_range(first, static_cast<unsigned>(fd) - 1, 0);
    first = static_cast<unsigned>(fd) + 1;
  }
  ::close_range(first, ~0U, 0);
}

}  // namespace

Result<Child> fork_child(const ForkOptions& options, const std::function<int()>& body) {
  const pid_t parent = ::getpid();
  // Blocked over the fork, so that a handler of ours never runs in the child.
  sigset_t all, before;
  ::sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid != 0) {
    const int number = errno;
    ::sigprocmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) return Error::from_errno(number, "fork");
    return Child(pid, TRY(open_pidfd(pid)));
  }
  if (options.die_with_parent) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);  // it died before that
  }
  if (options.new_session) ::setsid();
  if (options.keep) close_all_but(*options.keep);
  reset_signals();
  ::_exit(body());
}

}  // namespace strata::sys
