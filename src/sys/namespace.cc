#include "sys/namespace.h"

#include <fcntl.h>
#include <linux/keyctl.h>
#include <linux/sched.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "sys/file.h"

namespace strata::sys {

Result<Child> clone_process(const CloneOptions& options) {
  clone_args args;
  std::memset(&args, 0, sizeof args);
  int pidfd = -1;
  args.flags = options.flags | CLONE_PIDFD;
  args.pidfd = reinterpret_cast<std::uintptr_t>(&pidfd);
  args.exit_signal = SIGCHLD;
  if (options.cgroup >= 0) {
    args.flags |= CLONE_INTO_CGROUP;
    args.cgroup = static_cast<std::uint64_t>(options.cgroup);
  }
  const long pid = ::syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) return Error::from_errno(errno, "create the process");
  if (pid == 0) return Child(0, UniqueFd());
  return Child(static_cast<pid_t>(pid), UniqueFd(pidfd));
}

Result<> join_namespace(int fd, int flags) {
  if (::setns(fd, flags) != 0) return Error::from_errno(errno, "join namespace");
  return {};
}

Result<> unshare_namespace(int flags) {
  if (::unshare(flags) != 0) return Error::from_errno(errno, "new namespace");
  return {};
}

Result<> enter_root(int dir) {
  if (::fchdir(dir) != 0) return Error::from_errno(errno, "fchdir to the root");
  if (::chroot(".") != 0) return Error::from_errno(errno, "chroot");
  return {};
}

Result<ChildPidNamespace> ChildPidNamespace::enter(int fd) {
  UniqueFd own = TRY(open_file("/proc/thread-self/ns/pid", O_RDONLY));
  TRY(join_namespace(fd, CLONE_NEWPID), "pid");
  return ChildPidNamespace(std::move(own));
}

ChildPidNamespace::~ChildPidNamespace() {
  // Going back to one's own always works; if it did not, later children would land in the
  // container.
  if (own_) CHECK(::setns(own_.get(), CLONE_NEWPID) == 0);
}

Undumpable::Undumpable() : before_(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)) { (void)::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0); }
Undumpable::~Undumpable() {
  if (before_ == 1) (void)::prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

Result<> bring_up_loopback() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::from_errno(errno, "socket for loopback");
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  if (::ioctl(socket.get(), SIOCSIFFLAGS, &request) != 0) return Error::from_errno(errno, "bring up loopback");
  return {};
}

Result<> set_host_name(const std::string& name) {
  if (::sethostname(name.c_str(), name.size()) != 0) return error_from(errno, "set host name {:?}", name);
  return {};
}

Result<> set_domain_name(const std::string& name) {
  if (::setdomainname(name.c_str(), name.size()) != 0) return error_from(errno, "set domain name {:?}", name);
  return {};
}

Result<> new_session_keyring() {
  if (::syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, nullptr) < 0 && errno != ENOSYS)
    return Error::from_errno(errno, "new session keyring");
  return {};
}

}  // namespace strata::sys
