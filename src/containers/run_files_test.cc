#include "containers/run_files.h"

#include <signal.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/forked_child.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::containers {
namespace {

struct Sleeper {
  sys::Child child = *sys::fork_child({}, [] {
    ::pause();
    return 0;
  });
  ~Sleeper() {
    (void)!child.kill(SIGKILL);
    (void)!child.wait();
  }
  ProcessIdentity identity() const { return {child.pid(), *sys::start_time(child.pid())}; }
};

TEST(RunFiles, SayWhatWasWritten) {
  sys::TempDir dir = *sys::TempDir::create("/tmp");
  const std::string path = dir.path() + "/status.json";
  EXPECT_FALSE(read_status(path)->has_value());
  const RunStatus status = {"boot", {12, 345}, {13, 346}, *parse_rfc3339("2026-01-02T03:04:05.000000006Z")};
  ASSERT_TRUE(write_status(path, status));
  const RunStatus back = **read_status(path);
  EXPECT_EQ(back.boot_id, "boot");
  EXPECT_EQ(back.init.pid, 12);
  EXPECT_EQ(back.init.start_time, 345u);
  EXPECT_EQ(back.monitor.pid, 13);
  EXPECT_EQ(back.started, status.started);
  ASSERT_TRUE(sys::replace_file(path, "{\"pid\": true}"));
  EXPECT_FALSE(read_status(path)->has_value());
  ASSERT_TRUE(sys::replace_file(path, "{\"code\":"));
  EXPECT_EQ((*read_exit(path))->code, kUnknownExitCode);
}

TEST(RunFiles, TakeOnlyTheVeryProcessForRunning) {
  Sleeper sleeper;
  const std::string boot = *sys::boot_id();
  RunStatus status = {boot, sleeper.identity(), {}, now()};
  EXPECT_TRUE(is_running(status, boot));
  EXPECT_TRUE(open_process(status.init)->has_value());

  // Another boot: the pid may be anybody's now.
  status.boot_id = "0b7c8f0e-0000-4000-8000-000000000000";
  EXPECT_FALSE(is_running(status, boot));

  // The same boot, a recycled pid.
  status = {boot, {sleeper.child.pid(), sleeper.identity().start_time + 1}, {}, now()};
  EXPECT_FALSE(is_running(status, boot));
  EXPECT_FALSE(open_process(status.init)->has_value());

  // No such pid, and what can be none.
  for (const pid_t pid : {0, -1, 1 << 22}) EXPECT_FALSE(open_process({pid, 1})->has_value()) << pid;
}

TEST(RunFiles, WaitForTheMonitorOfAZombieOnly) {
  const std::string boot = *sys::boot_id();
  sys::Child child = *sys::fork_child({}, [] { return 0; });
  const ProcessIdentity zombie = {child.pid(), *sys::start_time(child.pid())};
  siginfo_t info;
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child.pid()), &info, WEXITED | WNOWAIT), 0);
  EXPECT_FALSE(is_running({boot, zombie, {}, now()}, boot));
  EXPECT_TRUE(is_running({boot, zombie, *own_identity(), now()}, boot));
  (void)!child.wait();
}

}  // namespace
}  // namespace strata::containers
