// Starting our own programs, and processes by pidfd.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

// How a process ended, as waitpid(2) tells it.
struct ExitStatus {
  int code = 0;    // exit code, when signal is 0
  int signal = 0;  // the signal that killed it, else 0
  // What a shell and docker report: the code, or 128 + signal.
  int shell_code() const { return signal != 0 ? 128 + signal : code; }
};

struct SpawnOptions {
  std::string program;                                  // path, not searched in PATH
  std::vector<std::string> arguments;                   // argv, [0] included
  std::optional<std::vector<std::string>> environment;  // "K=V"; nullopt: ours
  std::vector<std::pair<int, int>> fds;  // {ours, its number in the child}; all others are closed on exec
  bool new_session = false;              // setsid(2)
};

// A child process of ours. The destructor neither kills nor waits; it closes the pidfd.
class [[nodiscard]] Child {
 public:
  Child() = default;
  Child(pid_t pid, UniqueFd pidfd) : pid_(pid), pidfd_(std::move(pidfd)) {}
  pid_t pid() const { return pid_; }
  int pidfd() const { return pidfd_.get(); }
  Result<ExitStatus> wait();
  Result<> kill(int signal);

 private:
  pid_t pid_ = -1;
  UniqueFd pidfd_;
};

// vfork-like (no page tables copied); signal mask and dispositions reset in the child. When the
// program cannot be executed the error is returned here.
Result<Child> spawn(const SpawnOptions& options);

Result<UniqueFd> open_pidfd(pid_t pid);       // pidfd_open(2)
Result<> send_signal(int pidfd, int signal);  // pidfd_send_signal(2)
Result<ExitStatus> wait_child(pid_t pid);     // waitpid(2)

// Field 22 of /proc/PID/stat: with the boot id it identifies a process for ever. Clock ticks since boot.
Result<std::uint64_t> start_time(pid_t pid);
// uname(2)'s release.
std::string kernel_release();
// /proc/sys/kernel/random/boot_id; or the environment's STRATA_BOOT_ID, by which tests pretend a reboot.
Result<std::string> boot_id();
// The directory of the running executable: where our other programs lie.
Result<std::string> own_directory();

}  // namespace strata::sys
