#include "sys/pidfd.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
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

ProcessExit from_status(int status) {
  if (WIFSIGNALED(status)) return {0, WTERMSIG(status)};
  return {WEXITSTATUS(status), 0};
}

// Fields 3 (state) and 52, the last one (exit_code), of /proc/PID/stat: proc(5).
std::optional<int> zombie_status(pid_t pid) {
  std::array<char, 32> path{};
  constexpr std::string_view kProc = "/proc/";
  constexpr std::string_view kStat = "/stat";
  char* end = std::to_chars(std::ranges::copy(kProc, path.begin()).out, path.end() - kStat.size() - 1, pid).ptr;
  std::ranges::copy(kStat, end);
  const UniqueFd fd(::open(path.data(), O_RDONLY | O_CLOEXEC));
  std::array<char, 1024> buffer;
  const ssize_t size = fd ? ::read(fd.get(), buffer.data(), buffer.size()) : -1;
  if (size <= 0) return std::nullopt;
  std::string_view text(buffer.data(), static_cast<std::size_t>(size));
  while (text.ends_with('\n')) text.remove_suffix(1);
  const auto name_end = text.rfind(')');
  if (name_end == std::string_view::npos || !text.substr(name_end).starts_with(") Z")) return std::nullopt;
  const std::string_view last = text.substr(text.rfind(' ') + 1);
  int status = 0;
  if (std::from_chars(last.data(), last.data() + last.size(), status).ec != std::errc()) return std::nullopt;
  return status;
}

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

bool signal_process(int pidfd, int signal) { return ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0) == 0; }

std::optional<ProcessExit> exit_of_stranger(int pidfd, pid_t pid) {
  PidfdInfo info{};
  info.mask = kInfoExit;
  if (::ioctl(pidfd, kGetInfo, &info) == 0 && (info.mask & kInfoExit) != 0) return from_status(info.exit_code);
  const std::optional<int> status = zombie_status(pid);
  // Not reaped yet, so the zombie that was looked at is this one and not a later process of this number.
  if (status && signal_process(pidfd, 0)) return from_status(*status);
  return std::nullopt;
}

}  // namespace strata::sys
