#include "sys/process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/strings.h"
#include "sys/file.h"

namespace strata::sys {
namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (const std::string& s : strings) result.push_back(const_cast<char*>(s.c_str()));
  result.push_back(nullptr);
  return result;
}

// What the child needs, prepared before it exists: it shares our memory until it executes.
struct ChildPlan {
  const char* program;
  char* const* argv;
  char* const* envp;
  const std::vector<std::pair<int, int>>* fds;
  std::vector<int>* scratch;
  bool new_session;
  int error;
};

// Runs in the child on a stack of its own, with our memory: only system calls, nothing allocated.
int run_child(void* argument) {
  auto& plan = *static_cast<ChildPlan*>(argument);
  for (int signal = 1; signal < NSIG; ++signal) {
    struct sigaction action{};
    action.sa_handler = SIG_DFL;
    ::sigaction(signal, &action, nullptr);
  }
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (plan.new_session) ::setsid();
  // First away from every target number, then to the targets, so that no pair tramples another.
  int top = 2;
  for (const auto& [ours, theirs] : *plan.fds) top = std::max(top, theirs);
  for (std::size_t i = 0; i < plan.fds->size(); ++i) {
    (*plan.scratch)[i] = ::fcntl((*plan.fds)[i].first, F_DUPFD_CLOEXEC, top + 1);
    if ((*plan.scratch)[i] < 0) {
      plan.error = errno;
      ::_exit(127);
    }
  }
  for (std::size_t i = 0; i < plan.fds->size(); ++i) {
    if (::dup2((*plan.scratch)[i], (*plan.fds)[i].second) < 0) {
      plan.error = errno;
      ::_exit(127);
    }
  }
  ::execve(plan.program, plan.argv, plan.envp);
  plan.error = errno;
  ::_exit(127);
}

}  // namespace

Result<Child> spawn(const SpawnOptions& options) {
  const auto argv = pointers(options.arguments);
  const auto envp = options.environment ? pointers(*options.environment) : std::vector<char*>{};
  std::vector<int> scratch(options.fds.size());
  ChildPlan plan{options.program.c_str(),
                 argv.data(),
                 options.environment ? envp.data() : environ,
                 &options.fds,
                 &scratch,
                 options.new_session,
                 0};
  constexpr std::size_t kStackSize = 64 << 10;
  alignas(16) static thread_local char stack[kStackSize];
  sigset_t all, before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  int pidfd = -1;
  const pid_t pid =
      ::clone(run_child, stack + kStackSize, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, &plan, &pidfd);
  const int clone_error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) return error_from(clone_error, "start {}", options.program);
  Child child(pid, UniqueFd(pidfd));
  if (plan.error != 0) {
    (void)child.wait();
    return error_from(plan.error, "execute {}", options.program);
  }
  return child;
}

Result<ExitStatus> wait_child(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return Error::from_errno(errno, "waitpid");
  if (WIFSIGNALED(status)) return ExitStatus{0, WTERMSIG(status)};
  return ExitStatus{WEXITSTATUS(status), 0};
}

Result<ExitStatus> Child::wait() { return wait_child(pid_); }
Result<> Child::kill(int signal) { return send_signal(pidfd_.get(), signal); }

Result<UniqueFd> open_pidfd(pid_t pid) {
  UniqueFd fd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!fd) return error_from(errno, "pidfd_open {}", pid);
  return fd;
}

Result<> send_signal(int pidfd, int signal) {
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) != 0)
    return error_from(errno, "send signal {}", signal);
  return {};
}

Result<std::uint64_t> start_time(pid_t pid) {
  const std::string stat = TRY(read_file("/proc/" + std::to_string(pid) + "/stat"));
  // The command name may hold spaces and parentheses; fields are counted after its last one.
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return error(ErrorKind::kIo, "/proc/{}/stat is odd", pid);
  const auto fields = split(std::string_view(stat).substr(name_end + 2), ' ');
  const auto value = fields.size() > 19 ? parse_unsigned(fields[19]) : std::nullopt;
  if (!value) return error(ErrorKind::kIo, "/proc/{}/stat is odd", pid);
  return *value;
}

std::string kernel_release() {
  utsname host{};
  (void)::uname(&host);
  return host.release;
}

Result<std::string> boot_id() {
  if (const char* pretended = std::getenv("STRATA_BOOT_ID"); pretended != nullptr) return std::string(pretended);
  return std::string(trim(TRY(read_file("/proc/sys/kernel/random/boot_id"))));
}

Result<std::string> own_directory() {
  std::string path(PATH_MAX, '\0');
  const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size());
  if (n < 0) return Error::from_errno(errno, "readlink /proc/self/exe");
  path.resize(static_cast<std::size_t>(n));
  return path.substr(0, path.find_last_of('/'));
}

}  // namespace strata::sys
