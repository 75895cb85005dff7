#include <linux/seccomp.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdlib>
#include <string>
#include <vector>

#include "base/strings.h"
#include "fetch/service.h"
#include "sys/landlock.h"
#include "sys/privileges.h"
#include "sys/seccomp.h"

namespace strata::fetch {
namespace {

// What glibc's resolver and OpenSSL read, and the libraries the resolver loads by name.
std::vector<std::string> readable_paths() {
  std::vector<std::string> paths{"/etc/resolv.conf",
                                 "/etc/hosts",
                                 "/etc/nsswitch.conf",
                                 "/etc/host.conf",
                                 "/etc/gai.conf",
                                 "/etc/services",
                                 "/etc/protocols",
                                 "/etc/ld.so.cache",
                                 "/etc/localtime",
                                 "/etc/ssl",
                                 "/etc/pki",
                                 "/etc/ca-certificates",
                                 "/etc/crypto-policies",
                                 "/usr/share/ca-certificates",
                                 "/usr/local/share/ca-certificates",
                                 "/usr/share/pki",
                                 "/usr/lib",
                                 "/usr/lib64",
                                 "/lib",
                                 "/lib64",
                                 "/dev/null",
                                 "/dev/urandom",
                                 "/sys/devices/system/cpu"};
  if (const char* file = ::getenv("SSL_CERT_FILE")) paths.emplace_back(file);
  if (const char* directories = ::getenv("SSL_CERT_DIR"))
    for (const std::string_view directory : split(directories, ':')) paths.emplace_back(directory);
  return paths;
}

// What libcurl, OpenSSL and glibc's resolver call, threads included. No exec, no new namespace, no
// mount, no ptrace, nothing that changes a file. Refused calls fail: the filter is the last wall,
// not a tripwire.
constexpr std::string_view kAllowed[] = {"read",           "write",
                                         "readv",          "writev",
                                         "pread64",        "pwrite64",
                                         "lseek",          "close",
                                         "close_range",    "dup",
                                         "dup2",           "dup3",
                                         "fcntl",          "ioctl",
                                         "open",           "openat",
                                         "stat",           "fstat",
                                         "lstat",          "newfstatat",
                                         "statx",          "access",
                                         "faccessat",      "faccessat2",
                                         "readlink",       "readlinkat",
                                         "getdents64",     "getcwd",
                                         "mmap",           "munmap",
                                         "mprotect",       "mremap",
                                         "madvise",        "brk",
                                         "mincore",        "membarrier",
                                         "poll",           "ppoll",
                                         "select",         "pselect6",
                                         "epoll_create1",  "epoll_ctl",
                                         "epoll_wait",     "epoll_pwait",
                                         "pipe2",          "eventfd2",
                                         "connect",        "bind",
                                         "sendto",         "recvfrom",
                                         "sendmsg",        "recvmsg",
                                         "sendmmsg",       "recvmmsg",
                                         "shutdown",       "socketpair",
                                         "getsockname",    "getpeername",
                                         "getsockopt",     "setsockopt",
                                         "clone",          "clone3",
                                         "futex",          "set_robust_list",
                                         "rseq",           "set_tid_address",
                                         "arch_prctl",     "prctl",
                                         "exit",           "exit_group",
                                         "sched_yield",    "sched_getaffinity",
                                         "tgkill",         "rt_sigaction",
                                         "rt_sigprocmask", "rt_sigreturn",
                                         "sigaltstack",    "restart_syscall",
                                         "getpid",         "gettid",
                                         "getppid",        "getuid",
                                         "geteuid",        "getgid",
                                         "getegid",        "uname",
                                         "sysinfo",        "prlimit64",
                                         "getrlimit",      "clock_gettime",
                                         "clock_getres",   "clock_nanosleep",
                                         "nanosleep",      "gettimeofday",
                                         "time",           "getrandom"};

Result<> filter_system_calls() {
  constexpr auto kNative = sys::SyscallAbi::kX86_64;
  sys::SeccompBuilder builder({kNative}, SECCOMP_RET_ERRNO | EPERM, SECCOMP_RET_ERRNO | ENOSYS);
  for (const std::string_view name : kAllowed)
    builder.add(kNative, sys::syscall_number(kNative, name), SECCOMP_RET_ALLOW);
  for (const int family : {AF_UNIX, AF_INET, AF_INET6, AF_NETLINK})
    builder.add(kNative, sys::syscall_number(kNative, "socket"), SECCOMP_RET_ALLOW,
                {{.argument = 0,
                  .op = sys::SyscallTest::Op::kMaskedEqual,
                  .value = static_cast<std::uint64_t>(family),
                  .mask = 0xffffffff}});
  return TRY(builder.build()).load();
}

}  // namespace

Result<> enter_sandbox(int socket) {
  TRY(sys::close_from(socket + 1));
  // As Go programs do: the upper-case name counts too. libcurl leaves it out for CGI's sake.
  if (const char* proxy = ::getenv("HTTP_PROXY")) ::setenv("http_proxy", proxy, 0);
  TRY(sys::drop_all_privileges(), "drop privileges");
  TRY(sys::landlock_read_only(readable_paths()), "Landlock");
  TRY(sys::lower_limit(RLIMIT_NOFILE, 1024));
  TRY(sys::lower_limit(RLIMIT_FSIZE, 0));
  return filter_system_calls();
}

}  // namespace strata::fetch
