#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <functional>

#include "sys/capability.h"
#include "sys/file.h"
#include "sys/mount_attr.h"
#include "sys/namespace.h"
#include "sys/process_state.h"
#include "sys/pty.h"
#include "sys/rlimit.h"
#include "sys/special_file.h"
#include "sys/temp_dir.h"
#include "sys/terminal.h"
#include <gtest/gtest.h>

namespace strata::sys {
namespace {

// What `body` returns, from a process of its own.
int in_child(const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body());
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

TEST(Capability, NamesAndNumbersAgree) {
  EXPECT_EQ(capability_number("CAP_CHOWN"), 0);
  EXPECT_EQ(capability_number("cap_net_admin"), 12);
  EXPECT_EQ(capability_number("SYS_ADMIN"), 21);
  EXPECT_EQ(capability_number("CAP_CHECKPOINT_RESTORE"), 40);
  EXPECT_FALSE(capability_number("CAP_"));
  EXPECT_FALSE(capability_number("all"));
  for (int number = 0; number <= 40; ++number) EXPECT_EQ(capability_number(capability_name(number)), number);
}

TEST(Capability, AnotherUserKeepsWhatItIsGiven) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(in_child([] {
              const gid_t groups[] = {7, 8};
              if (!switch_user_keeping_capabilities(1000, 1001, groups, 2)) return 1;
              const CapabilityMask chown = 1;
              if (!set_capabilities(chown, chown, chown) || !set_ambient(chown)) return 2;
              const auto sets = current_capabilities();
              if (sets->effective != chown || sets->permitted != chown || sets->ambient != chown) return 3;
              if (::getuid() != 1000 || ::getegid() != 1001 || ::getgroups(0, nullptr) != 2) return 4;
              return ::setuid(0) == 0 ? 5 : 0;
            }),
            0);
}

TEST(Capability, TheBoundingSetOnlyShrinks) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  EXPECT_EQ(in_child([] {
              if (!limit_bounding(0b101)) return 1;
              return (current_capabilities()->bounding & ~CapabilityMask{0b101}) == 0 ? 0 : 2;
            }),
            0);
}

TEST(Pty, BothSidesTalk) {
  auto pty = open_pty(AT_FDCWD, "/dev/ptmx");
  if (!pty) GTEST_SKIP() << pty.error().message();
  ASSERT_TRUE(resize_terminal(pty->terminal.get(), {30, 100}));
  EXPECT_EQ(terminal_size(pty->master.get())->columns, 100);
  {
    auto raw = RawTerminal::enter(pty->terminal.get());
    ASSERT_TRUE(raw);
    ASSERT_TRUE(write_all(pty->master.get(), std::string_view("\x03")));
    char byte = 0;
    EXPECT_EQ(*read_some(pty->terminal.get(), std::as_writable_bytes(std::span(&byte, 1))), 1u);
    EXPECT_EQ(byte, 3) << "no signal in raw mode";
  }
  termios after{};
  ASSERT_EQ(::tcgetattr(pty->terminal.get(), &after), 0);
  EXPECT_NE(after.c_lflag & ISIG, 0u) << "restored";
  const int terminal = pty->terminal.get();
  EXPECT_EQ(in_child([&] {
              if (!new_session() || !make_controlling_terminal(terminal)) return 1;
              return ::open("/dev/tty", O_RDWR | O_CLOEXEC) >= 0 ? 0 : 2;
            }),
            0);
}

TEST(Pty, WhatIsNoMultiplexerIsAnError) { EXPECT_FALSE(open_pty(AT_FDCWD, "/dev/null")); }

TEST(Rlimit, KnowsTheNamesOfTheSpec) {
  EXPECT_EQ(rlimit_number("RLIMIT_NOFILE"), RLIMIT_NOFILE);
  EXPECT_EQ(rlimit_number("RLIMIT_RTTIME"), RLIMIT_RTTIME);
  EXPECT_FALSE(rlimit_number("NOFILE"));
  EXPECT_EQ(in_child([] {
              if (!set_rlimit(RLIMIT_NOFILE, 10, 20)) return 1;
              rlimit now{};
              ::getrlimit(RLIMIT_NOFILE, &now);
              return now.rlim_cur == 10 && now.rlim_max == 20 ? 0 : 2;
            }),
            0);
}

TEST(ProcessState, StandardStreamsMayTradePlacesAndNothingElseStays) {
  EXPECT_EQ(in_child([] {
              const int a = ::open("/dev/null", O_RDONLY), b = ::open("/dev/zero", O_RDONLY),
                        keep = ::open("/", O_RDONLY | O_CLOEXEC);
              ::dup2(a, 0), ::dup2(b, 1);
              ::open("/etc", O_RDONLY);  // leaked by somebody
              if (!replace_descriptors(1, 0, 0, keep)) return 1;
              if (!*is_character_device(0, 1, 5) || !*is_character_device(1, 1, 3) || !*is_character_device(2, 1, 3))
                return 2;
              const int next = ::open("/", O_RDONLY);
              return ::fcntl(keep, F_GETFD) == FD_CLOEXEC && (next == 3 || next == 4) &&
                             ::fcntl(next + 1, F_GETFD) < 0 + (next + 1 == keep)
                         ? 0
                         : 3;
            }),
            0);
}

TEST(ProcessState, ExecutablesAreToldFromOtherFiles) {
  EXPECT_EQ(check_executable("/bin/sh"), 0);
  EXPECT_EQ(check_executable("/etc/passwd"), EACCES);
  EXPECT_EQ(check_executable("/etc"), EISDIR);
  EXPECT_EQ(check_executable("/no/such"), ENOENT);
  EXPECT_EQ(check_executable("/etc/passwd/x"), ENOTDIR);
}

TEST(Namespace, ChildrenAreMadeInTheNamespaceOnlyMeanwhile) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  auto first = clone_process({.flags = CLONE_NEWPID});
  ASSERT_TRUE(first) << first.error().message();
  if (first->pid() == 0)
    for (;;) ::pause();
  const auto pid_seen = [] {
    auto child = clone_process({});
    if (child->pid() == 0) ::_exit(::getpid() == 2 ? 2 : 1);
    return child->wait()->code;
  };
  {
    auto inside = ChildPidNamespace::enter(first->pidfd());
    ASSERT_TRUE(inside) << inside.error().message();
    EXPECT_EQ(pid_seen(), 2);
  }
  EXPECT_EQ(pid_seen(), 1);
  EXPECT_TRUE(first->kill(SIGKILL));
  EXPECT_EQ(first->wait()->signal, SIGKILL);
}

TEST(Namespace, UndumpableIsUndone) {
  ASSERT_EQ(::prctl(PR_GET_DUMPABLE), 1);
  {
    const Undumpable here;
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 0);
  }
  EXPECT_EQ(::prctl(PR_GET_DUMPABLE), 1);
}

TEST(MountAttributes, ProcfsIsToldFromPretenders) {
  const UniqueFd real = *open_file("/proc/self/status", O_RDONLY), other = *open_file("/etc/passwd", O_RDONLY);
  EXPECT_TRUE(require_procfs(real.get()));
  EXPECT_FALSE(require_procfs(other.get()));
}

TEST(SpecialFile, ANodeThatIsThereMustBeTheSame) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root";
  const TempDir directory = *TempDir::create("/tmp", "nodes.");
  const UniqueFd fd = *open_file(directory.path(), O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(make_node(fd.get(), "null", S_IFCHR | 0666, 1, 3, 7, 8));
  EXPECT_TRUE(make_node(fd.get(), "null", S_IFCHR | 0666, 1, 3));
  EXPECT_FALSE(make_node(fd.get(), "null", S_IFCHR | 0666, 1, 5));
  const auto status = *stat_path(directory.path() + "/null");
  EXPECT_EQ(status.st_mode & 07777, 0666u);
  EXPECT_EQ(status.st_gid, 8u);
}

}  // namespace
}  // namespace strata::sys
