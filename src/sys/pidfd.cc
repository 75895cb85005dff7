#include "sys/pidfd.h"

#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <string>

#include "base/strings.h"
#include "sys/file.h"

namespace strata::sys {
namespace {

// <linux/pidfd.h> of Linux 6.15, which Debian 12 does not have.
struct PidfdInfo {
  std::uint64_t mask;
  std::uint64_t cgroup_id;
  std::uint32_t pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
  std::int32_t exit_code;  // as wait(2) gives it
};
static_assert(sizeof(PidfdInfo) == 64);
constexpr std::uint64_t kInfoExit = 1 << 3;
constexpr unsigned long kGetInfo = _IOWR(0xFF, 11, PidfdInfo);

}  // namespace

Result<std::optional<ProcessExit>> exit_of_child(int pidfd) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG | WNOWAIT) != 0)
    if (errno != EINTR) return Error::from_errno(errno, "waitid");
  if (info.si_pid == 0) return std::optional<ProcessExit>();
  if (info.si_code == CLD_EXITED) return std::optional(ProcessExit{info.si_status, 0});
  return std::optional(ProcessExit{0, info.si_status});
}

Result<pid_t> pid_of(int pidfd) {
  const std::string text = TRY(read_file("/proc/self/fdinfo/" + std::to_string(pidfd), 4096));
  for (const std::string_view line : split(text, '\n'))
    if (line.starts_with("Pid:")) {
      const auto pid = parse_signed(trim(line.substr(4)));
      return static_cast<pid_t>(pid && *pid > 0 ? *pid : 0);
    }
  return Error(ErrorKind::kInternal, "this descriptor is no pidfd");
}

void reap(int pidfd) {
  siginfo_t info{};
  while (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG) != 0 && errno == EINTR) {
  }
}

bool signal_process(int pidfd, int signal) {
  return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0;
}

std::optional<ProcessExit> exit_of_stranger(int pidfd) {
  PidfdInfo info{};
  info.mask = kInfoExit;
  if (::ioctl(pidfd, kGetInfo, &info) != 0 || (info.mask & kInfoExit) == 0) return std::nullopt;
  if (WIFSIGNALED(info.exit_code)) return ProcessExit{0, WTERMSIG(info.exit_code)};
  return ProcessExit{WEXITSTATUS(info.exit_code), 0};
}

}  // namespace strata::sys
