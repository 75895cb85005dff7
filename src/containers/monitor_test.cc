// strata-monitor as it runs, with a shell in the place of a container.
#include "containers/monitor.h"

#include <poll.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "codec/sha256.h"
#include "containers/attach.h"
#include "containers/log_reader.h"
#include "containers/monitor_start.h"
#include "sys/event_loop.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::containers {
namespace {

// In the child: `script` as the init, with these standard streams.
[[noreturn]] void exec_shell(const std::string& script, int in, int out, int err) {
  ::setsid();
  ::dup2(in, 0), ::dup2(out, 1), ::dup2(err, 2);
  if (::isatty(0)) ::ioctl(0, TIOCSCTTY, 0);
  ::execl("/bin/sh", "sh", "-c", script.c_str(), nullptr);
  ::_exit(126);
}

class MonitorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    // Adopted inits and orphaned monitors become ours, so that none stays behind.
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);
    config_.program = STRATA_MONITOR;
    config_.container_id = "test";
    config_.run_directory = dir_.path();
    config_.log_path = dir_.path() + "/test-json.log";
  }
  void TearDown() override {
    client_.reset();
    if (init_ > 0) ::kill(init_, SIGKILL);
    while (::waitpid(-1, nullptr, 0) > 0) {
    }
  }

  // P of monitor_start.h. With `attach` the first client is client_.
  void start(const std::string& script, bool attach = true, bool own = false) {
    auto setup = MonitorSetup::prepare(config_).value();
    auto pair = sys::make_socket_pair(SOCK_STREAM).value();
    auto pid_pipe = sys::make_pipe().value();
    // As `run` does: the hello is on its way before a monitor could be gone again.
    if (attach)
      client_ = MonitorClient::open(std::move(pair.first), own, kWantStdout | kWantStderr | kWantStdin).value();
    monitor_ = ::fork();
    if (monitor_ == 0) {
      client_.reset();
      auto stdio = setup.take_container_stdio();
      sys::UniqueFd master;
      if (config_.terminal) {
        int ours = -1, theirs = -1;
        if (::openpty(&ours, &theirs, nullptr, nullptr, nullptr) != 0) ::_exit(1);
        master.reset(ours);
        (void)sys::set_close_on_exec(ours, true);
        stdio.in.reset(theirs);
        stdio.out = sys::duplicate(theirs).value();
        stdio.err = sys::duplicate(theirs).value();
      }
      const pid_t init = ::fork();
      if (init == 0) exec_shell(script, stdio.in.get(), stdio.out.get(), stdio.err.get());
      stdio = {};
      (void)sys::write_all(pid_pipe.write.get(), std::as_bytes(std::span(&init, 1)));
      const Error failed = setup.become_monitor({init, sys::open_pidfd(init).value(), std::move(master)},
                                                attach ? std::move(pair.second) : sys::UniqueFd(), own, {});
      (void)sys::write_all(2, failed.message());
      ::_exit(1);
    }
    pid_pipe.write.reset();
    ASSERT_EQ(sys::read_full(pid_pipe.read.get(), std::as_writable_bytes(std::span(&init_, 1))).value(), sizeof init_);
    pair.second.reset();
  }

  MonitorClient join(bool own = false, std::uint32_t wants = 0) {
    return MonitorClient::open(connect_monitor(dir_.path()).value(), own, wants).value();
  }

  struct Seen {
    std::string out, err;
    std::optional<Exit> exit;
  };
  // All that comes until the exit (or the end), or until standard output has `until`.
  static Seen collect(MonitorClient& client, std::string_view until = "") {
    Seen seen;
    while (true) {
      while (const auto frame = client.next().value()) {
        const std::string text(reinterpret_cast<const char*>(frame->payload.data()), frame->payload.size());
        if (frame->type == FrameType::kStdout) seen.out += text;
        if (frame->type == FrameType::kStderr) seen.err += text;
        if (frame->type == FrameType::kExit) {
          seen.exit = payload_as<Exit>(frame->payload);
          return seen;
        }
      }
      if (!until.empty() && seen.out.find(until) != std::string::npos) return seen;
      if (!client.receive().value()) return seen;
    }
  }

  static void feed(MonitorClient& client, std::string_view text) {
    ASSERT_TRUE(client.send(FrameType::kStdin, std::as_bytes(std::span(text))));
  }
  int wait_for_monitor() {
    int status = -1;
    while (::waitpid(monitor_, &status, 0) < 0 && errno == EINTR) {
    }
    return status;
  }
  std::string log_text() {
    std::string all;
    (void)read_log(config_.log_path, {}, [&](const LogEntry& entry) -> Result<bool> {
      all += entry.bytes;
      return true;
    });
    return all;
  }
  std::string exit_file() { return sys::read_file(dir_.path() + "/exit.json").value_or(""); }

  sys::TempDir dir_ = sys::TempDir::create("/tmp", "strata-monitor.").value();
  MonitorConfig config_;
  std::optional<MonitorClient> client_;
  pid_t monitor_ = -1, init_ = -1;
};

TEST_F(MonitorTest, OutputReachesClientAndLogAndTheExitIsTold) {
  start("echo out; echo err >&2; printf rest; exit 7");
  const Seen seen = collect(*client_);
  EXPECT_EQ(seen.out, "out\nrest");
  EXPECT_EQ(seen.err, "err\n");
  ASSERT_TRUE(seen.exit);
  EXPECT_EQ(seen.exit->code, 7);
  EXPECT_FALSE(client_->receive().value());
  EXPECT_EQ(wait_for_monitor(), 0);
  EXPECT_EQ(log_text().size(), 12u);
  EXPECT_TRUE(exit_file().starts_with(R"({"version":1,"code":7,"signal":0,"finished":"20)")) << exit_file();
  EXPECT_TRUE(exit_file().ends_with("Z\"}\n")) << exit_file();
}

TEST_F(MonitorTest, ASignalIsHandedOnAndToldAs128AndItsNumber) {
  start("echo ready; exec sleep 1000");
  collect(*client_, "ready");
  ASSERT_TRUE(client_->send_signal(SIGTERM));
  const Seen seen = collect(*client_);
  EXPECT_EQ(seen.exit->signal, SIGTERM);
  EXPECT_EQ(seen.exit->shell_code(), 143);
  EXPECT_NE(exit_file().find("\"code\":143,\"signal\":15"), std::string::npos);
}

TEST_F(MonitorTest, InputGoesInAndItsEndClosesStandardInput) {
  config_.open_stdin = config_.stdin_once = true;
  start("cat; echo end");
  feed(*client_, "one\n");
  feed(*client_, "two\n");
  ASSERT_TRUE(client_->send(FrameType::kStdinEnd));
  EXPECT_EQ(collect(*client_).out, "one\ntwo\nend\n");
}

TEST_F(MonitorTest, WithoutOnceTheInputStaysOpenForTheNextClient) {
  config_.open_stdin = true;
  start("read a; echo a=$a; read b; echo b=$b");
  feed(*client_, "1\n");
  ASSERT_TRUE(client_->send(FrameType::kStdinEnd));
  collect(*client_, "a=1");
  client_.reset();
  MonitorClient second = join(false, kWantStdout | kWantStdin);
  feed(second, "2\n");
  EXPECT_EQ(collect(second).out, "b=2\n");
}

TEST_F(MonitorTest, AClientThatGoesAwayEndsInputThatWasForItAlone) {
  config_.open_stdin = config_.stdin_once = true;
  start("cat >/dev/null; echo eof");
  client_.reset();
  wait_for_monitor();
  EXPECT_EQ(log_text(), "eof\n");
}

TEST_F(MonitorTest, InputThatIsNotReadHoldsUpNeitherSignalsNorTheMonitor) {
  config_.open_stdin = config_.stdin_once = true;
  start("echo ready; exec sleep 1000");
  collect(*client_, "ready");
  const std::string much(32 << 10, 'x');
  feed(*client_, much);
  feed(*client_, much);
  ASSERT_TRUE(client_->send_signal(SIGKILL));
  EXPECT_EQ(collect(*client_).exit->signal, SIGKILL);
}

TEST_F(MonitorTest, MoreInputThanTheWindowEndsTheConnection) {
  config_.open_stdin = true;
  start("exec sleep 1000", false);
  MonitorClient rude = join(false, kWantStdin);
  const std::string much(32 << 10, 'x');
  // The pipe takes 64 KiB of it, the queue as many; what is acknowledged may be sent again.
  Result<> sent;
  for (int i = 0; i < 100 && sent; ++i) sent = rude.send(FrameType::kStdin, std::as_bytes(std::span(much)));
  EXPECT_FALSE(sent);
  MonitorClient next = join();
  ASSERT_TRUE(next.send_signal(SIGKILL));
  EXPECT_TRUE(next.wait_exit().value());
}

TEST_F(MonitorTest, AHundredMegabytesArriveByteForByteAtASlowReaderAndInTheLog) {
  config_.log_max_size = 0;
  // Lines of random text: nothing that a cut or a swap would leave the same.
  start("head -c 75000000 /dev/urandom | base64 | tee " + dir_.path() + "/copy");
  codec::Sha256 hash;
  std::uint64_t size = 0;
  bool exited = false;
  while (!exited) {
    while (const auto frame = client_->next().value()) {
      if (frame->type == FrameType::kStdout) {
        hash.update(frame->payload);
        size += frame->payload.size();
        if (size % 50 == 0) std::this_thread::yield();
      }
      exited |= frame->type == FrameType::kExit;
    }
    if (!exited && !client_->receive().value()) break;
  }
  EXPECT_TRUE(exited);
  EXPECT_GT(size, 100'000'000u);
  codec::Sha256 copy, log;
  auto file = sys::open_file(dir_.path() + "/copy", O_RDONLY).value();
  std::vector<std::byte> buffer(1 << 20);
  while (const std::size_t n = sys::read_some(file.get(), buffer).value()) copy.update(std::span(buffer).first(n));
  const auto expected = copy.finish();
  EXPECT_EQ(hash.finish(), expected);
  ASSERT_TRUE(read_log(config_.log_path, {}, [&](const LogEntry& entry) -> Result<bool> {
    log.update(std::as_bytes(std::span(entry.bytes)));
    return true;
  }));
  EXPECT_EQ(log.finish(), expected);
}

TEST_F(MonitorTest, TheForegroundClientHoldsTheContainerUpUntilItReads) {
  start("i=0; while [ $i -lt 40 ]; do head -c 32768 /dev/zero; i=$((i+1)); echo $i > " + dir_.path() + "/count; done");
  // 1.3 MB do not fit into queue, socket and pipe: the writer stops before its end.
  std::string count, before = "-";
  while (count != before || count.empty()) {
    before = count;
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    count = sys::read_file(dir_.path() + "/count").value_or("");
  }
  EXPECT_LT(std::stoi(count), 40);
  EXPECT_EQ(collect(*client_).out.size(), 40u * 32768);
}

TEST_F(MonitorTest, AKilledClientLetsTheContainerGoOn) {
  config_.teardown_command = {"/bin/sh", "-c", "echo torn > " + dir_.path() + "/torn"};
  start("echo one; while [ ! -e " + dir_.path() + "/go ]; do sleep 0.01; done; echo two; exit 3", true, true);
  collect(*client_, "one");
  client_.reset();
  MonitorClient waiter = join();
  ASSERT_TRUE(sys::replace_file(dir_.path() + "/go", ""));
  EXPECT_EQ(waiter.wait_exit().value()->code, 3);
  ASSERT_TRUE(waiter.wait_closed());
  EXPECT_EQ(log_text(), "one\ntwo\n");
  EXPECT_EQ(sys::read_file(dir_.path() + "/torn").value(), "torn\n");  // closed means torn down
}

TEST_F(MonitorTest, AnOwnerIsAskedToTearDownAndOthersWaitForIt) {
  config_.teardown_command = {"/bin/sh", "-c", "echo torn > " + dir_.path() + "/torn"};
  start("exec sleep 1000", true, true);
  MonitorClient other = join(true);
  ASSERT_TRUE(other.send_signal(SIGKILL));
  EXPECT_EQ(collect(*client_).exit->tear_down, 1);
  EXPECT_EQ(other.wait_exit().value()->tear_down, 0);
  pollfd entry{other.fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 50), 0) << "closed before the owner had torn down";
  ASSERT_TRUE(client_->torn_down());
  ASSERT_TRUE(other.wait_closed());
  EXPECT_FALSE(sys::exists(dir_.path() + "/torn"));
}

TEST_F(MonitorTest, AnOwnerThatDiesWhileTearingDownIsReplacedByTheCommand) {
  config_.teardown_command = {"/bin/sh", "-c", "echo torn > " + dir_.path() + "/torn"};
  start("exit 0", true, true);
  EXPECT_EQ(collect(*client_).exit->tear_down, 1);
  client_.reset();
  wait_for_monitor();
  EXPECT_TRUE(sys::exists(dir_.path() + "/torn"));
}

TEST_F(MonitorTest, HoldsNothingOfItsCaller) {
  auto pipe = sys::make_pipe().value();
  const int leaked = ::dup(pipe.write.get());  // without close-on-exec, as a careless caller's
  start("exec sleep 1000", false);
  MonitorClient client = join();
  while (client.next().value() == std::nullopt) ASSERT_TRUE(client.receive().value());  // it runs
  ::close(leaked);
  EXPECT_EQ(::getsid(monitor_), monitor_);
  EXPECT_EQ(sys::list_directory("/proc/" + std::to_string(monitor_) + "/fd")->size(), 3u + 5 + 1 + 2)
      << "standard streams; run, listen, init, out, err; the client; the log and its directory";
  pipe.write.reset();
  // (The shell in place of a container still has it: the runtime closes descriptors there.)
  ASSERT_TRUE(client.send_signal(SIGKILL));
  ASSERT_TRUE(client.wait_exit().value());
  std::byte byte;
  EXPECT_EQ(sys::read_some(pipe.read.get(), std::span(&byte, 1)).value(), 0u);
}

TEST_F(MonitorTest, AKilledMonitorLeavesTheContainerAndAnotherAdoptsIt) {
  start("trap 'exit 9' TERM; i=0; while :; do i=$((i+1)); echo $i; sleep 0.001; done", true);
  collect(*client_, "3\n");
  ::kill(monitor_, SIGKILL);
  wait_for_monitor();
  EXPECT_FALSE(collect(*client_).exit);
  EXPECT_EQ(::kill(init_, 0), 0);
  std::string before = log_text();
  auto adopted = MonitorSetup::adopt(config_).value();
  ASSERT_TRUE(adopted.start_adopter({init_, sys::open_pidfd(init_).value(), {}}, {}));
  // We are the parent of the init now, as the machine's would be: reaping it is what makes its code known.
  MonitorClient client = join(false, kWantStdout);
  collect(client, "\n");
  ASSERT_TRUE(client.send_signal(SIGTERM));
  int status = 0;
  ASSERT_EQ(::waitpid(init_, &status, 0), init_);
  init_ = -1;
  const auto exit = client.wait_exit().value();
  ASSERT_TRUE(exit);
  if (exit->known != 0)
    EXPECT_EQ(exit->code, 9);
  else
    EXPECT_NE(exit_file().find("\"error\""), std::string::npos);
  const std::string after = log_text();
  EXPECT_TRUE(after.starts_with(before));
  EXPECT_GT(after.size(), before.size());
}

TEST_F(MonitorTest, LogsAreFollowedAcrossRotationsToTheEnd) {
  config_.log_max_size = 20'000;
  config_.log_max_files = 100;
  start("while [ ! -e " + dir_.path() + "/go ]; do :; done; i=0; while [ $i -lt 2000 ]; do i=$((i+1)); echo $i; done",
        false);
  MonitorClient client = join();
  ASSERT_TRUE(sys::replace_file(dir_.path() + "/go", ""));
  int expected = 0;
  ASSERT_TRUE(follow_log(config_.log_path, {}, &client, [&](const LogEntry& entry) -> Result<bool> {
    EXPECT_EQ(entry.bytes, std::to_string(++expected) + "\n");
    return true;
  }));
  EXPECT_EQ(expected, 2000);
  EXPECT_TRUE(sys::exists(config_.log_path + ".5"));
}

TEST_F(MonitorTest, ATerminalIsResizedAndItsOutputEndsWithTheContainer) {
  config_.terminal = config_.open_stdin = true;
  start("stty size; read x; stty size; echo \"[$x]\"; exit 4");
  collect(*client_, "\n");
  const Resize size{33, 99};
  ASSERT_TRUE(client_->send(FrameType::kResize, std::as_bytes(std::span(&size, 1))));
  feed(*client_, "typed\n");
  const Seen seen = collect(*client_);
  EXPECT_EQ(seen.out, "typed\r\n33 99\r\n[typed]\r\n");
  EXPECT_EQ(seen.exit->code, 4);
}

TEST_F(MonitorTest, AChildThatKeepsTheOutputOpenDoesNotDelayTheExit) {
  start("sleep 1000 & echo $! > " + dir_.path() + "/child; echo done");
  const Seen seen = collect(*client_);
  EXPECT_EQ(seen.out, "done\n");
  EXPECT_TRUE(seen.exit);
  const auto text = sys::read_file(dir_.path() + "/child").value();
  ::kill(std::stoi(text), SIGKILL);
}

TEST_F(MonitorTest, ASeventeenthClientWaitsForAPlace) {
  start("exec sleep 1000", false);
  std::vector<MonitorClient> crowd;
  for (std::size_t i = 0; i < Monitor::kMaxClients + 1; ++i) crowd.push_back(join());
  pollfd entry{crowd.back().fd(), POLLIN, 0};
  EXPECT_EQ(::poll(&entry, 1, 20), 0);
  crowd.erase(crowd.begin());
  ASSERT_TRUE(crowd.back().receive().value());
  ASSERT_TRUE(crowd.back().send_signal(SIGKILL));
  EXPECT_TRUE(crowd.back().wait_exit().value());
}

}  // namespace
}  // namespace strata::containers
