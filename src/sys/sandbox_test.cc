#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/landlock.h"
#include "sys/memory_file.h"
#include "sys/message_socket.h"
#include "sys/privileges.h"
#include "sys/process.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::sys {
namespace {

// Runs `child` in a process of its own, whose exit code comes back.
template <class F>
int in_child(F child) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(child());
  return wait_child(pid)->shell_code();
}

TEST(MessageSocket, KeepsBoundariesAndCarriesDescriptors) {
  auto pair = make_socket_pair(SOCK_SEQPACKET).value();
  auto file = memory_file("test", "content").value();
  const int fds[] = {file.get()};
  ASSERT_TRUE(send_message(pair.first.get(), "one", fds));
  ASSERT_TRUE(send_message(pair.first.get(), "two"));
  auto one = receive_message(pair.second.get()).value();
  EXPECT_EQ(one.bytes, "one");
  ASSERT_EQ(one.fds.size(), 1u);
  EXPECT_EQ(read_fd(one.fds[0].get()).value(), "content");
  EXPECT_EQ(receive_message(pair.second.get())->bytes, "two");
  pair.first.reset();
  EXPECT_TRUE(receive_message(pair.second.get())->bytes.empty());
}

TEST(MessageSocket, ThePeerThatLeavesIsAnErrorNotASignal) {
  auto pair = make_socket_pair(SOCK_SEQPACKET).value();
  pair.second.reset();
  EXPECT_EQ(send_message(pair.first.get(), "x").error().error_number(), EPIPE);
  EXPECT_EQ(send_message(pair.first.get(), std::string(kMaxMessageSize + 1, 'x')).error().kind(),
            ErrorKind::kResourceExhausted);
}

TEST(Landlock, LeavesOnlyTheNamedPathsReadable) {
  auto dir = TempDir::create("/tmp").value();
  ASSERT_TRUE(replace_file(dir.path() + "/a", "a"));
  ASSERT_TRUE(make_directories(dir.path() + "/in"));
  ASSERT_TRUE(replace_file(dir.path() + "/in/b", "b"));
  const int landlocked = in_child([&] {
    const std::string paths[] = {dir.path() + "/in", "/does/not/exist"};
    auto restricted = landlock_read_only(paths);
    if (!restricted) return 1;
    if (!*restricted) return 77;
    if (!read_file(dir.path() + "/in/b")) return 2;
    if (read_file(dir.path() + "/a")) return 3;
    if (open_file(dir.path() + "/in/b", O_WRONLY)) return 4;
    if (open_file(dir.path() + "/in/c", O_WRONLY | O_CREAT)) return 5;
    return 0;
  });
  if (landlocked == 77) GTEST_SKIP() << "this kernel has no Landlock";
  EXPECT_EQ(landlocked, 0);
}

TEST(Privileges, AreGoneForGood) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to have something to drop";
  EXPECT_EQ(in_child([] {
              if (!drop_all_privileges()) return 1;
              if (::geteuid() == 0 || ::getegid() == 0) return 2;
              if (::setuid(0) == 0) return 3;
              const auto status = read_file("/proc/self/status");
              if (!status || status->find("CapEff:\t0000000000000000") == std::string::npos) return 4;
              if (status->find("NoNewPrivs:\t1") == std::string::npos) return 5;
              return 0;
            }),
            0);
}

}  // namespace
}  // namespace strata::sys
