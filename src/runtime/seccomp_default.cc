#include <linux/seccomp.h>

#include <array>
#include <cerrno>
#include <utility>

#include "runtime/seccomp_profile.h"

// Docker's default profile. The facts are moby's; the form is ours: names become numbers when this
// file is compiled, and building the filter for a container is a walk over arrays.

namespace strata::runtime {
namespace {

using sys::SyscallAbi;
using sys::SyscallTest;
using Op = sys::SyscallTest::Op;

constexpr std::array kAbis = {SyscallAbi::kX86_64, SyscallAbi::kX86, SyscallAbi::kX32};

constexpr std::uint32_t errno_action(std::uint32_t number) { return SECCOMP_RET_ERRNO | number; }

// Numbers of the same names in the three ABIs.
template <std::size_t N>
struct Calls {
  std::array<std::array<int, N>, 3> numbers{};
};

template <std::size_t N>
consteval Calls<N> calls(const std::string_view (&names)[N]) {
  Calls<N> result;
  for (std::size_t abi = 0; abi < kAbis.size(); ++abi)
    for (std::size_t i = 0; i < N; ++i) result.numbers[abi][i] = sys::syscall_number(kAbis[abi], names[i]);
  return result;
}

constexpr auto kAlways = calls({
    "_llseek",
    "_newselect",
    "accept",
    "accept4",
    "access",
    "adjtimex",
    "alarm",
    "arch_prctl",
    "bind",
    "brk",
    "cachestat",
    "capget",
    "capset",
    "chdir",
    "chmod",
    "chown",
    "chown32",
    "clock_adjtime",
    "clock_adjtime64",
    "clock_getres",
    "clock_getres_time64",
    "clock_gettime",
    "clock_gettime64",
    "clock_nanosleep",
    "clock_nanosleep_time64",
    "close",
    "close_range",
    "connect",
    "copy_file_range",
    "creat",
    "dup",
    "dup2",
    "dup3",
    "epoll_create",
    "epoll_create1",
    "epoll_ctl",
    "epoll_ctl_old",
    "epoll_pwait",
    "epoll_pwait2",
    "epoll_wait",
    "epoll_wait_old",
    "eventfd",
    "eventfd2",
    "execve",
    "execveat",
    "exit",
    "exit_group",
    "faccessat",
    "faccessat2",
    "fadvise64",
    "fadvise64_64",
    "fallocate",
    "fanotify_mark",
    "fchdir",
    "fchmod",
    "fchmodat",
    "fchmodat2",
    "fchown",
    "fchown32",
    "fchownat",
    "fcntl",
    "fcntl64",
    "fdatasync",
    "fgetxattr",
    "flistxattr",
    "flock",
    "fork",
    "fremovexattr",
    "fsetxattr",
    "fstat",
    "fstat64",
    "fstatat64",
    "fstatfs",
    "fstatfs64",
    "fsync",
    "ftruncate",
    "ftruncate64",
    "futex",
    "futex_requeue",
    "futex_time64",
    "futex_wait",
    "futex_waitv",
    "futex_wake",
    "futimesat",
    "get_robust_list",
    "get_thread_area",
    "getcpu",
    "getcwd",
    "getdents",
    "getdents64",
    "getegid",
    "getegid32",
    "geteuid",
    "geteuid32",
    "getgid",
    "getgid32",
    "getgroups",
    "getgroups32",
    "getitimer",
    "getpeername",
    "getpgid",
    "getpgrp",
    "getpid",
    "getppid",
    "getpriority",
    "getrandom",
    "getresgid",
    "getresgid32",
    "getresuid",
    "getresuid32",
    "getrlimit",
    "getrusage",
    "getsid",
    "getsockname",
    "getsockopt",
    "gettid",
    "gettimeofday",
    "getuid",
    "getuid32",
    "getxattr",
    "getxattrat",
    "inotify_add_watch",
    "inotify_init",
    "inotify_init1",
    "inotify_rm_watch",
    "io_cancel",
    "io_destroy",
    "io_getevents",
    "io_pgetevents",
    "io_pgetevents_time64",
    "io_setup",
    "io_submit",
    "ioctl",
    "ioprio_get",
    "ioprio_set",
    "ipc",
    "kill",
    "landlock_add_rule",
    "landlock_create_ruleset",
    "landlock_restrict_self",
    "lchown",
    "lchown32",
    "lgetxattr",
    "link",
    "linkat",
    "listen",
    "listmount",
    "listxattr",
    "listxattrat",
    "llistxattr",
    "lremovexattr",
    "lseek",
    "lsetxattr",
    "lstat",
    "lstat64",
    "madvise",
    "map_shadow_stack",
    "membarrier",
    "memfd_create",
    "memfd_secret",
    "mincore",
    "mkdir",
    "mkdirat",
    "mknod",
    "mknodat",
    "mlock",
    "mlock2",
    "mlockall",
    "mmap",
    "mmap2",
    "modify_ldt",
    "mprotect",
    "mq_getsetattr",
    "mq_notify",
    "mq_open",
    "mq_timedreceive",
    "mq_timedreceive_time64",
    "mq_timedsend",
    "mq_timedsend_time64",
    "mq_unlink",
    "mremap",
    "mseal",
    "msgctl",
    "msgget",
    "msgrcv",
    "msgsnd",
    "msync",
    "munlock",
    "munlockall",
    "munmap",
    "name_to_handle_at",
    "nanosleep",
    "newfstatat",
    "open",
    "openat",
    "openat2",
    "pause",
    "pidfd_open",
    "pidfd_send_signal",
    "pipe",
    "pipe2",
    "pkey_alloc",
    "pkey_free",
    "pkey_mprotect",
    "poll",
    "ppoll",
    "ppoll_time64",
    "prctl",
    "pread64",
    "preadv",
    "preadv2",
    "prlimit64",
    "process_mrelease",
    "process_vm_readv",
    "process_vm_writev",
    "pselect6",
    "pselect6_time64",
    "ptrace",
    "pwrite64",
    "pwritev",
    "pwritev2",
    "read",
    "readahead",
    "readlink",
    "readlinkat",
    "readv",
    "recv",
    "recvfrom",
    "recvmmsg",
    "recvmmsg_time64",
    "recvmsg",
    "remap_file_pages",
    "removexattr",
    "removexattrat",
    "rename",
    "renameat",
    "renameat2",
    "restart_syscall",
    "rmdir",
    "rseq",
    "rt_sigaction",
    "rt_sigpending",
    "rt_sigprocmask",
    "rt_sigqueueinfo",
    "rt_sigreturn",
    "rt_sigsuspend",
    "rt_sigtimedwait",
    "rt_sigtimedwait_time64",
    "rt_tgsigqueueinfo",
    "sched_get_priority_max",
    "sched_get_priority_min",
    "sched_getaffinity",
    "sched_getattr",
    "sched_getparam",
    "sched_getscheduler",
    "sched_rr_get_interval",
    "sched_rr_get_interval_time64",
    "sched_setaffinity",
    "sched_setattr",
    "sched_setparam",
    "sched_setscheduler",
    "sched_yield",
    "seccomp",
    "select",
    "semctl",
    "semget",
    "semop",
    "semtimedop",
    "semtimedop_time64",
    "send",
    "sendfile",
    "sendfile64",
    "sendmmsg",
    "sendmsg",
    "sendto",
    "set_robust_list",
    "set_thread_area",
    "set_tid_address",
    "setfsgid",
    "setfsgid32",
    "setfsuid",
    "setfsuid32",
    "setgid",
    "setgid32",
    "setgroups",
    "setgroups32",
    "setitimer",
    "setpgid",
    "setpriority",
    "setregid",
    "setregid32",
    "setresgid",
    "setresgid32",
    "setresuid",
    "setresuid32",
    "setreuid",
    "setreuid32",
    "setrlimit",
    "setsid",
    "setsockopt",
    "setuid",
    "setuid32",
    "setxattr",
    "setxattrat",
    "shmat",
    "shmctl",
    "shmdt",
    "shmget",
    "shutdown",
    "sigaltstack",
    "signalfd",
    "signalfd4",
    "sigprocmask",
    "sigreturn",
    "socketcall",
    "socketpair",
    "splice",
    "stat",
    "stat64",
    "statfs",
    "statfs64",
    "statmount",
    "statx",
    "symlink",
    "symlinkat",
    "sync",
    "sync_file_range",
    "syncfs",
    "sysinfo",
    "tee",
    "tgkill",
    "time",
    "timer_create",
    "timer_delete",
    "timer_getoverrun",
    "timer_gettime",
    "timer_gettime64",
    "timer_settime",
    "timer_settime64",
    "timerfd_create",
    "timerfd_gettime",
    "timerfd_gettime64",
    "timerfd_settime",
    "timerfd_settime64",
    "times",
    "tkill",
    "truncate",
    "truncate64",
    "ugetrlimit",
    "umask",
    "uname",
    "unlink",
    "unlinkat",
    "uretprobe",
    "utime",
    "utimensat",
    "utimensat_time64",
    "utimes",
    "vfork",
    "vmsplice",
    "wait4",
    "waitid",
    "waitpid",
    "write",
    "writev",
});

// Allowed to who has the capability.
constexpr auto kDacReadSearch = calls({"open_by_handle_at"});
constexpr auto kSysAdmin = calls({
    "bpf",
    "clone",
    "clone3",
    "fanotify_init",
    "fsconfig",
    "fsmount",
    "fsopen",
    "fspick",
    "lookup_dcookie",
    "lsm_get_self_attr",
    "lsm_list_modules",
    "lsm_set_self_attr",
    "mount",
    "mount_setattr",
    "move_mount",
    "open_tree",
    "perf_event_open",
    "quotactl",
    "quotactl_fd",
    "setdomainname",
    "sethostname",
    "setns",
    "syslog",
    "umount",
    "umount2",
    "unshare",
});
constexpr auto kSysBoot = calls({"reboot"});
constexpr auto kSysChroot = calls({"chroot"});
constexpr auto kSysModule = calls({"delete_module", "init_module", "finit_module"});
constexpr auto kSysPacct = calls({"acct"});
constexpr auto kSysPtrace =
    calls({"kcmp", "pidfd_getfd", "process_madvise", "process_vm_readv", "process_vm_writev", "ptrace"});
constexpr auto kSysRawio = calls({"iopl", "ioperm"});
constexpr auto kSysTime = calls({"settimeofday", "stime", "clock_settime", "clock_settime64"});
constexpr auto kSysTtyConfig = calls({"vhangup"});
constexpr auto kSysNice = calls({"get_mempolicy", "mbind", "set_mempolicy", "set_mempolicy_home_node"});
constexpr auto kSyslog = calls({"syslog"});
constexpr auto kBpf = calls({"bpf"});
constexpr auto kPerfmon = calls({"perf_event_open"});

// Decided by their arguments.
constexpr auto kSocket = calls({"socket"});
constexpr auto kPersonality = calls({"personality"});
constexpr auto kClone = calls({"clone"});
constexpr auto kClone3 = calls({"clone3"});

// CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET
constexpr std::uint64_t kNamespaceFlags = 0x7E020000;
// PER_LINUX, PER_LINUX32, both with UNAME26, and the question for the present one.
constexpr std::uint64_t kPersonalities[] = {0x0, 0x8, 0x20000, 0x20008, 0xffffffff};
// AF_ALG opens the kernel's crypto to anybody, AF_VSOCK does not stop at the network namespace.
constexpr std::uint64_t kDeniedFamilies[] = {38 /*AF_ALG*/, 40 /*AF_VSOCK*/};

template <std::size_t N>
void add(sys::SeccompBuilder& builder, const Calls<N>& calls, std::uint32_t action,
         const std::vector<SyscallTest>& tests = {}) {
  for (std::size_t abi = 0; abi < kAbis.size(); ++abi)
    for (const int number : calls.numbers[abi]) builder.add(kAbis[abi], number, action, tests);
}

}  // namespace

Result<sys::SeccompFilter> default_seccomp(sys::CapabilityMask capabilities) {
  sys::SeccompBuilder builder({SyscallAbi::kX86_64, SyscallAbi::kX86, SyscallAbi::kX32}, errno_action(EPERM),
                              errno_action(ENOSYS));
  const auto allow = [&](const auto& calls) { add(builder, calls, SECCOMP_RET_ALLOW); };
  // Capability numbers: linux/capability.h.
  const auto has = [&](int capability) { return ((capabilities >> capability) & 1) != 0; };
  allow(kAlways);
  // The kernel takes 32 bits of the family, so 32 bits are compared: moby's own comparisons of all
  // 64 let a family with a high bit through.
  for (const std::uint64_t family : kDeniedFamilies)
    add(builder, kSocket, errno_action(EPERM), {{0, Op::kMaskedEqual, family, 0xffffffff}});
  allow(kSocket);
  for (const std::uint64_t personality : kPersonalities)
    add(builder, kPersonality, SECCOMP_RET_ALLOW, {{0, Op::kEqual, personality}});
  if (has(21 /*SYS_ADMIN*/)) {
    allow(kSysAdmin);
  } else {
    add(builder, kClone, SECCOMP_RET_ALLOW, {{0, Op::kMaskedEqual, 0, kNamespaceFlags}});
    // Its flags are in memory, where no filter can look: C libraries fall back to clone.
    add(builder, kClone3, errno_action(ENOSYS));
  }
  if (has(2)) allow(kDacReadSearch);
  if (has(22)) allow(kSysBoot);
  if (has(18)) allow(kSysChroot);
  if (has(16)) allow(kSysModule);
  if (has(20)) allow(kSysPacct);
  if (has(19)) allow(kSysPtrace);
  if (has(17)) allow(kSysRawio);
  if (has(25)) allow(kSysTime);
  if (has(26)) allow(kSysTtyConfig);
  if (has(23)) allow(kSysNice);
  if (has(34)) allow(kSyslog);
  if (has(39)) allow(kBpf);
  if (has(38)) allow(kPerfmon);
  return builder.build();
}

}  // namespace strata::runtime
