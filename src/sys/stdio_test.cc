#include <pty.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include <cstdlib>

#include "sys/appended_file.h"
#include "sys/become.h"
#include "sys/event_loop.h"
#include "sys/fifo.h"
#include "sys/file.h"
#include "sys/pidfd.h"
#include "sys/process.h"
#include "sys/temp_dir.h"
#include "sys/terminal.h"
#include "sys/unix_socket.h"
#include <gtest/gtest.h>

namespace strata::sys {
namespace {

class Stdio : public ::testing::Test {
 protected:
  TempDir dir_ = TempDir::create("/tmp", "strata-stdio.").value();
};

TEST_F(Stdio, ASocketMayLieAnywhereHoweverLongThePath) {
  std::string deep = dir_.path();
  for (int i = 0; i < 10; ++i) deep += "/" + std::string(50, 'x');
  ASSERT_TRUE(make_directories(deep));
  const UniqueFd dir = open_file(deep, O_PATH | O_DIRECTORY).value();
  UniqueFd listener = listen_in(dir.get(), "s").value();
  EXPECT_FALSE(accept_waiting(listener.get()).value());
  const UniqueFd client = connect_in(dir.get(), "s").value();
  const UniqueFd server = *accept_waiting(listener.get()).value();
  ASSERT_TRUE(send_all(client.get(), std::as_bytes(std::span("hello", 5))));
  std::array<std::byte, 9> buffer;
  EXPECT_EQ(read_some(server.get(), buffer).value(), 5u);
  // A dead listener's name is taken over.
  listener.reset();
  EXPECT_EQ(connect_in(dir.get(), "s").error().error_number(), ECONNREFUSED);
  EXPECT_TRUE(listen_in(dir.get(), "s"));
}

TEST_F(Stdio, SendingNowTakesWhatFitsAndTellsOfAClosedPeer) {
  SocketPair pair = make_socket_pair(SOCK_STREAM).value();
  const std::vector<std::byte> much(1 << 20);
  std::size_t total = 0, n = 0;
  while ((n = send_now(pair.first.get(), much).value()) > 0) total += n;
  EXPECT_GT(total, 1000u);
  pair.second.reset();
  EXPECT_EQ(send_now(pair.first.get(), much).error().error_number(), EPIPE);
}

TEST_F(Stdio, AnOutputFifoKeepsWhatWasWrittenWhileNobodyOfOursReads) {
  const UniqueFd dir = open_file(dir_.path(), O_RDONLY | O_DIRECTORY).value();
  ASSERT_TRUE(make_fifo(dir.get(), "f"));
  FifoEnds ends = open_output_fifo(dir.get(), "f").value();
  ends.ours.reset();
  ASSERT_TRUE(write_all(ends.theirs.get(), "kept"));  // no SIGPIPE
  const UniqueFd again = reopen_output_fifo(dir.get(), "f").value();
  std::array<std::byte, 9> buffer;
  EXPECT_EQ(read_now(again.get(), buffer).value(), 4u);
  EXPECT_EQ(read_now(again.get(), buffer).value(), std::nullopt);
  ends.theirs.reset();
  EXPECT_EQ(read_now(again.get(), buffer).value(), 0u);
}

TEST_F(Stdio, AnInputFifoEndsWithOurEnd) {
  const UniqueFd dir = open_file(dir_.path(), O_RDONLY | O_DIRECTORY).value();
  ASSERT_TRUE(make_fifo(dir.get(), "f"));
  FifoEnds ends = open_input_fifo(dir.get(), "f").value();
  EXPECT_EQ(write_now(ends.ours.get(), std::as_bytes(std::span("in", 2))).value(), 2u);
  ends.ours.reset();
  EXPECT_EQ(read_fd(ends.theirs.get()).value(), "in");
}

TEST_F(Stdio, BecomingAProgramLeavesSessionDescriptorsAndSignalsBehind) {
  Pipe pipe = make_pipe().value();
  Pipe leak = make_pipe().value();
  ASSERT_TRUE(set_close_on_exec(leak.write.get(), false));
  const std::string script =
      "exec >&3; ps -o sid= -p $$ | grep -qx \" *$$\" && echo leader; ls /proc/$$/fd; kill -TERM $$";
  const char* argv[] = {"sh", "-c", script.c_str(), nullptr};
  const char* envp[] = {"PATH=/usr/bin:/bin", nullptr};
  ignore_signals({SIGTERM});
  const int fds[] = {pipe.write.get()};
  auto child = start_detached("/bin/sh", fds, const_cast<char**>(argv), const_cast<char**>(envp)).value();
  ::signal(SIGTERM, SIG_DFL);
  pipe.write.reset();
  EXPECT_EQ(read_fd(pipe.read.get()).value(), "leader\n0\n1\n2\n3\n");
  pollfd entry{child.pidfd.get(), POLLIN, 0};
  ASSERT_TRUE(wait_ready(std::span(&entry, 1)).value());
  EXPECT_EQ(exit_of_child(child.pidfd.get()).value()->signal, SIGTERM);
  reap(child.pidfd.get());
}

TEST_F(Stdio, AProgramThatIsNotThereIs127) {
  char* argv[] = {const_cast<char*>("x"), nullptr};
  auto child = start_detached("/no/such", {}, argv, argv + 1).value();
  EXPECT_EQ(wait_child(child.pid)->code, 127);
}

TEST_F(Stdio, TheExitOfAStrangerIsKnownBeforeAndAfterItsParentHasReapedIt) {
  const Pipe input = make_pipe().value();  // never written to: it waits until it is killed
  Child child =
      spawn({.program = "/bin/sh", .arguments = {"sh", "-c", "read x; exit 5"}, .fds = {{input.read.get(), 0}}})
          .value();
  EXPECT_FALSE(exit_of_stranger(child.pidfd(), child.pid()));
  ASSERT_TRUE(child.kill(SIGKILL));
  pollfd entry{child.pidfd(), POLLIN, 0};
  ASSERT_TRUE(wait_ready(std::span(&entry, 1)).value());
  EXPECT_EQ(exit_of_stranger(child.pidfd(), child.pid())->signal, SIGKILL);
  ASSERT_TRUE(child.wait());
  const auto exit = exit_of_stranger(child.pidfd(), child.pid());
  if (!exit) GTEST_SKIP() << "PIDFD_INFO_EXIT needs Linux 6.15";
  EXPECT_EQ(exit->signal, SIGKILL);
}

TEST_F(Stdio, ReplacingInADirectoryLeavesOneFile) {
  const UniqueFd dir = open_directory(dir_.path().c_str()).value();
  ASSERT_TRUE(replace_in(dir.get(), "f", "one"));
  ASSERT_TRUE(replace_in(dir.get(), "f", "two"));
  EXPECT_EQ(read_file(dir_.path() + "/f").value(), "two");
  EXPECT_EQ(list_directory(dir_.path())->size(), 1u);
}

// A child in raw mode on a pty; what the modes are after it has ended as `end` does.
bool is_raw(int fd) {
  termios modes{};
  ::tcgetattr(fd, &modes);
  return (modes.c_lflag & (ICANON | ECHO)) == 0;
}

struct RawCase {
  const char* name;
  void (*end)();
};
class RawTerminals : public ::testing::TestWithParam<RawCase> {};

TEST_P(RawTerminals, AreRestoredHoweverTheProcessEnds) {
  int master = -1, slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const UniqueFd ours(master), theirs(slave);
  Pipe ready = make_pipe().value();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(2);  // of what a crash says
    {
      const auto raw = RawTerminal::enter(slave);
      (void)!write_all(ready.write.get(), is_raw(slave) ? "raw" : "not");
      GetParam().end();
    }
    ::_exit(0);
  }
  ready.write.reset();
  EXPECT_EQ(read_fd(ready.read.get()).value(), "raw");
  ASSERT_TRUE(wait_child(pid));
  EXPECT_FALSE(is_raw(slave));
}

INSTANTIATE_TEST_SUITE_P(Ends, RawTerminals,
                         ::testing::Values(RawCase{"Return", [] {}}, RawCase{"Exit", [] { std::exit(3); }},
                                           RawCase{"Abort", [] { std::abort(); }},
                                           RawCase{"Crash", [] { ::raise(SIGSEGV); }}),
                         [](const auto& test) { return test.param.name; });

TEST(Terminal, OnlyOneIsInRawMode) {
  int master = -1, slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const UniqueFd ours(master), theirs(slave);
  auto raw = RawTerminal::enter(slave);
  ASSERT_TRUE(raw);
  EXPECT_EQ(RawTerminal::enter(slave).error().kind(), ErrorKind::kConflict);
}

TEST(Terminal, HasASizeThatCanBeSet) {
  int master = -1, slave = -1;
  ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, nullptr), 0);
  const UniqueFd ours(master), theirs(slave);
  ASSERT_TRUE(resize_terminal(master, {11, 22}));
  EXPECT_EQ(terminal_size(slave)->columns, 22);
  const Pipe pipe = make_pipe().value();
  EXPECT_FALSE(terminal_size(pipe.read.get()));
}

}  // namespace
}  // namespace strata::sys
