// The client, with its standard streams replaced in a child process, and this process in the monitor's place.
#include "containers/attach.h"

#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "containers/client_streams.h"
#include "containers/stream_pump.h"
#include "sys/file.h"
#include "sys/pidfd.h"
#include "sys/process.h"
#include "sys/unix_socket.h"
#include <gtest/gtest.h>

namespace strata::containers {
namespace {

TEST(DetachKeys, AreParsedAsDockerDoes) {
  for (const char* good : {"", "a", "ctrl-a", "ctrl-p,ctrl-q", "ctrl-@,ctrl-[,ctrl-\\,ctrl-],ctrl-^,ctrl-_"})
    EXPECT_TRUE(DetachKeys::parse(good)) << good;
  for (const char* bad : {"ctrl-", "ctrl-A", "ctrl-pp", "xyz", "a,,b"}) EXPECT_FALSE(DetachKeys::parse(bad)) << bad;
}

TEST(DetachKeys, AreFoundAcrossReadsAndOtherKeysPassThrough) {
  DetachKeys keys = DetachKeys::parse("ctrl-p,ctrl-q").value();
  std::string out;
  EXPECT_FALSE(keys.filter("a\x10", out));
  EXPECT_EQ(out, "a");  // ctrl-p may begin the sequence
  EXPECT_FALSE(keys.filter("b\x10\x10", out));
  EXPECT_EQ(out,
            "a\x10"
            "b\x10");
  EXPECT_TRUE(keys.filter("\x11rest", out));
  EXPECT_EQ(out,
            "a\x10"
            "b\x10");
  EXPECT_FALSE(DetachKeys().filter("\x10\x11", out));
}

// Exit codes by which the child says how attach() ended.
constexpr int kDetached = 201, kLost = 202, kFailed = 203;
constexpr int kInterrupted = 100;  // and the signal

class Attach : public ::testing::Test {
 protected:
  void TearDown() override {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
  }

  void run(const AttachOptions& options, int in, int out, int err) {
    auto pair = sys::make_socket_pair(SOCK_STREAM).value();
    pid_ = ::fork();
    if (pid_ == 0) {
      ::dup2(in, 0), ::dup2(out, 1), ::dup2(err, 2);
      ::dup2(pair.second.release(), 3);
      ::close_range(4, ~0U, 0);  // the other ends of the test's pipes among them
      auto client = MonitorClient::open(sys::UniqueFd(3), false, options.hello_flags()).value();
      const auto outcome = attach(client, options);
      int code = kFailed;
      if (outcome && outcome->detached)
        code = kDetached;
      else if (outcome && outcome->exit)
        code = outcome->exit->shell_code();
      else if (outcome && outcome->interrupted_by != 0)
        code = kInterrupted + outcome->interrupted_by;
      else if (outcome)
        code = kLost;
      ::_exit(code);
    }
    monitor_ = std::move(pair.first);
    EXPECT_EQ(next().type, FrameType::kHello);
  }

  struct Received {
    FrameType type{};
    std::string payload;
  };
  // The next frame from the client; type 0 at its end.
  Received next() {
    while (true) {
      if (const auto frame = decoder_.next().value())
        return {frame->type, {reinterpret_cast<const char*>(frame->payload.data()), frame->payload.size()}};
      const auto n = sys::read_some(monitor_.get(), decoder_.space());
      if (!n || *n == 0) return {};
      decoder_.filled(*n);
    }
  }
  void say(FrameType type, std::string_view payload) {
    const auto header = frame_header(type, payload.size());
    (void)!sys::send_all(monitor_.get(), header);
    (void)!sys::send_all(monitor_.get(), std::as_bytes(std::span(payload)));
  }
  void say_exit(int code) {
    const Exit exit{.code = code};
    say(FrameType::kExit, {reinterpret_cast<const char*>(&exit), sizeof exit});
  }
  int wait() {
    const auto status = sys::wait_child(std::exchange(pid_, -1)).value();
    return status.shell_code();
  }

  pid_t pid_ = -1;
  sys::UniqueFd monitor_;
  std::vector<std::byte> buffer_{kFrameHeaderSize + kMaxPayload};
  FrameDecoder decoder_{buffer_};
  sys::UniqueFd null_ = sys::open_file("/dev/null", O_RDWR).value();
};

TEST_F(Attach, OutputGoesWhereItBelongsAndTheExitCodeComesOut) {
  auto out = sys::make_pipe().value(), err = sys::make_pipe().value();
  run({}, null_.get(), out.write.get(), err.write.get());
  out.write.reset(), err.write.reset();
  say(FrameType::kStdout, "to out");
  say(FrameType::kStderr, "to err");
  say(static_cast<FrameType>(250), "of a later version");
  say_exit(9);
  EXPECT_EQ(wait(), 9);
  EXPECT_EQ(sys::read_fd(out.read.get()).value(), "to out");
  EXPECT_EQ(sys::read_fd(err.read.get()).value(), "to err");
}

TEST_F(Attach, MegabytesThroughASlowPipeAreAllThereBeforeTheExit) {
  auto out = sys::make_pipe().value();
  run({}, null_.get(), out.write.get(), null_.get());
  out.write.reset();
  const pid_t writer = ::fork();
  if (writer == 0) {
    std::string chunk(kMaxPayload, 'x');
    for (int i = 0; i < 300; ++i) {
      chunk[0] = static_cast<char>('a' + i % 26);
      say(FrameType::kStdout, chunk);
    }
    say_exit(0);
    ::_exit(0);
  }
  const std::string all = sys::read_fd(out.read.get()).value();
  ASSERT_EQ(all.size(), 300u * kMaxPayload);
  for (int i = 0; i < 300; ++i) ASSERT_EQ(all[static_cast<std::size_t>(i) * kMaxPayload], 'a' + i % 26);
  EXPECT_EQ(wait(), 0);
  ::waitpid(writer, nullptr, 0);
}

TEST_F(Attach, InputIsSentToItsEndWithinTheWindow) {
  auto in = sys::make_pipe().value();
  run({.want_stdin = true}, in.read.get(), null_.get(), null_.get());
  const pid_t writer = ::fork();
  if (writer == 0) {
    (void)!sys::write_all(in.write.get(), std::string(300'000, 'i'));
    ::_exit(0);
  }
  in.write.reset();
  std::size_t total = 0, unacknowledged = 0;
  for (Received frame = next(); frame.type == FrameType::kStdin; frame = next()) {
    total += frame.payload.size();
    unacknowledged += frame.payload.size();
    ASSERT_LE(unacknowledged, kStdinWindow);
    if (unacknowledged > kStdinWindow / 2) {
      const auto taken = static_cast<std::uint32_t>(std::exchange(unacknowledged, 0));
      say(FrameType::kTaken, {reinterpret_cast<const char*>(&taken), sizeof taken});
    }
  }
  EXPECT_EQ(total, 300'000u);  // and then came the end
  say_exit(0);
  EXPECT_EQ(wait(), 0);
  ::waitpid(writer, nullptr, 0);
}

TEST_F(Attach, NobodyReadingOurOutputEndsTheSessionNotTheContainer) {
  auto out = sys::make_pipe().value();
  run({}, null_.get(), out.write.get(), null_.get());
  out.write.reset();
  out.read.reset();
  say(FrameType::kStdout, "x");
  EXPECT_EQ(wait(), kInterrupted + SIGPIPE);
}

TEST_F(Attach, AKilledMonitorIsTold) {
  run({}, null_.get(), null_.get(), null_.get());
  monitor_.reset();
  EXPECT_EQ(wait(), kLost);
}

TEST_F(Attach, SignalsAreHandedOnWithoutATerminal) {
  run({}, null_.get(), null_.get(), null_.get());
  // What comes before the answer to a frame: the client is in its loop then.
  auto in = sys::make_pipe().value();
  ::kill(pid_, 0);
  say(FrameType::kStdout, "");
  for (const int signal : {SIGUSR1, SIGTERM, SIGINT, SIGHUP}) {
    // Blocked signals cannot be lost; before that the default action would end the child. Wait for the mask.
    while (sys::read_file("/proc/" + std::to_string(pid_) + "/status")->find("SigBlk:\t0000000000000000") !=
           std::string::npos) {
    }
    ::kill(pid_, signal);
    const Received frame = next();
    ASSERT_EQ(frame.type, FrameType::kSignal);
    EXPECT_EQ(*payload_as<std::int32_t>(std::as_bytes(std::span(frame.payload))), signal);
  }
  say_exit(0);
  EXPECT_EQ(wait(), 0);
}

class AttachOnATerminal : public Attach {
 protected:
  void SetUp() override {
    int master = -1, slave = -1;
    const winsize size{24, 80, 0, 0};
    ASSERT_EQ(::openpty(&master, &slave, nullptr, nullptr, &size), 0);
    master_.reset(master);
    slave_.reset(slave);
    (void)!sys::set_close_on_exec(master, true);
  }
  bool raw() {
    termios modes{};
    ::tcgetattr(slave_.get(), &modes);
    return (modes.c_lflag & (ICANON | ECHO)) == 0;
  }
  void start() {
    run({.terminal = true, .want_stdin = true}, slave_.get(), slave_.get(), slave_.get());
    const Received frame = next();
    ASSERT_EQ(frame.type, FrameType::kResize);
    EXPECT_EQ(payload_as<Resize>(std::as_bytes(std::span(frame.payload)))->columns, 80);
    EXPECT_TRUE(raw());
  }
  sys::UniqueFd master_, slave_;
};

TEST_F(AttachOnATerminal, KeysPassRawUntilTheDetachKeys) {
  start();
  ASSERT_TRUE(sys::write_all(master_.get(), "\x03x\x10\x11"));
  std::string typed;
  Received frame = next();
  for (; frame.type == FrameType::kStdin; frame = next()) typed += frame.payload;
  EXPECT_EQ(typed, "\x03x");
  EXPECT_EQ(wait(), kDetached);
  EXPECT_FALSE(raw());
}

TEST_F(AttachOnATerminal, AResizedTerminalIsTold) {
  start();
  const winsize size{50, 132, 0, 0};
  ::ioctl(master_.get(), TIOCSWINSZ, &size);
  ::kill(pid_, SIGWINCH);  // it is no session leader here, so the kernel does not
  const Received frame = next();
  ASSERT_EQ(frame.type, FrameType::kResize);
  EXPECT_EQ(payload_as<Resize>(std::as_bytes(std::span(frame.payload)))->rows, 50);
  say_exit(0);
  EXPECT_EQ(wait(), 0);
}

TEST_F(AttachOnATerminal, TheTerminalIsRestoredWhenWeAreEnded) {
  for (const int signal : {SIGTERM, SIGHUP, SIGINT, SIGQUIT}) {
    start();
    ::kill(pid_, signal);
    EXPECT_EQ(wait(), kInterrupted + signal);
    EXPECT_FALSE(raw());
  }
}

TEST_F(AttachOnATerminal, TheTerminalIsRestoredAtTheExitAndWhenTheMonitorIsKilled) {
  start();
  say_exit(3);
  EXPECT_EQ(wait(), 3);
  EXPECT_FALSE(raw());
  start();
  monitor_.reset();
  EXPECT_EQ(wait(), kLost);
  EXPECT_FALSE(raw());
}

// pump(): as exec joins a child to our streams.
class PumpTest : public ::testing::Test {
 protected:
  // Exit code of the script; our standard streams are `in` and `out` for the time of it.
  int run(const std::string& script, int in, int out) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::dup2(in, 0), ::dup2(out, 1);
      ::close_range(3, ~0U, 0);
      auto input = sys::make_pipe().value(), output = sys::make_pipe().value();
      auto child = sys::spawn({.program = "/bin/sh",
                               .arguments = {"sh", "-c", script},
                               .fds = {{input.read.get(), 0}, {output.write.get(), 1}}})
                       .value();
      PumpEnds ends;
      ends.in = std::move(input.write);
      ends.out = std::move(output.read);
      ends.child_pidfd = child.pidfd();
      input.read.reset(), output.write.reset();
      (void)!sys::set_nonblocking(ends.in.get(), true);
      (void)!sys::set_nonblocking(ends.out.get(), true);
      auto terminal = ClientTerminal::enter({.forward = true}).value();
      const auto outcome = pump(ends, {}, terminal);
      ::_exit(!outcome                       ? kFailed
              : outcome->interrupted_by != 0 ? kInterrupted + outcome->interrupted_by
                                             : child.wait()->shell_code());
    }
    pid_ = pid;
    return 0;
  }
  int wait() { return sys::wait_child(pid_)->shell_code(); }
  pid_t pid_ = -1;
  sys::UniqueFd null_ = sys::open_file("/dev/null", O_RDWR).value();
};

TEST_F(PumpTest, MegabytesGoThroughBothWaysAndTheCodeComesOut) {
  auto in = sys::make_pipe().value(), out = sys::make_pipe().value();
  run("cat; exit 6", in.read.get(), out.write.get());
  out.write.reset(), in.read.reset();
  std::string sent;
  for (int i = 0; i < 500'000; ++i) sent += std::to_string(i) + "\n";
  const pid_t writer = ::fork();
  if (writer == 0) {
    (void)!sys::write_all(in.write.get(), sent);
    ::_exit(0);
  }
  in.write.reset();
  EXPECT_EQ(sys::read_fd(out.read.get()).value(), sent);
  EXPECT_EQ(wait(), 6);
  ::waitpid(writer, nullptr, 0);
}

TEST_F(PumpTest, AChildThatDoesNotReadItsInputEndsAllTheSame) {
  auto zero = sys::open_file("/dev/zero", O_RDONLY).value();
  run("exec 0<&-; exit 4", zero.get(), null_.get());
  EXPECT_EQ(wait(), 4);
}

TEST_F(PumpTest, WhoElseHasThePipeOpenIsNotWaitedForButOutputBeforeTheEndIsThere) {
  auto out = sys::make_pipe().value();
  run("sleep 1000 & echo $!; exit 0", null_.get(), out.write.get());
  out.write.reset();
  EXPECT_EQ(wait(), 0);
  std::array<std::byte, 32> buffer;
  const std::size_t n = sys::read_some(out.read.get(), buffer).value();
  const std::string text(reinterpret_cast<const char*>(buffer.data()), n);
  ASSERT_FALSE(text.empty());
  ::kill(std::stoi(text), SIGKILL);
}

}  // namespace
}  // namespace strata::containers
