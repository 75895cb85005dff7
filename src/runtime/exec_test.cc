#include "runtime/exec.h"

#include <signal.h>
#include <sys/stat.h>

#include "base/strings.h"
#include "runtime/test_container.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include <gtest/gtest.h>

namespace strata::runtime {
namespace {

class ExecTest : public ContainerTest {
 protected:
  void SetUp() override {
    ContainerTest::SetUp();
    if (IsSkipped()) return;
    spec_ = spec_for("sleep 1000");
    container_ = &running(spec_);
  }
  oci::Process process(std::vector<std::string> args) {
    oci::Process process = spec_.process;
    process.args = std::move(args);
    return process;
  }
  Outcome shell(const std::string& script) { return exec_in(*container_, spec_, process({"sh", "-c", script})); }
  Error failure(const oci::Process& process) {
    auto executed = exec(
        {.init_pidfd = container_->pidfd(), .init_pid = container_->pid(), .container = spec_, .process = process});
    if (executed) {
      ADD_FAILURE() << "it runs";
      (void)executed->child.kill(SIGKILL);
      (void)executed->child.wait();
      return Error(ErrorKind::kInternal, "");
    }
    return executed.error();
  }

  oci::RuntimeSpec spec_;
  Created* container_ = nullptr;
};

TEST_F(ExecTest, IsInAllNamespacesOfTheContainer) {
  const Outcome outcome = shell(
      "for n in mnt pid uts ipc cgroup net; do test \"$(readlink /proc/self/ns/$n)\" = "
      "\"$(readlink /proc/1/ns/$n)\" || echo $n; done; hostname; ls /");
  EXPECT_EQ(outcome.output, "box\nbin\ndev\netc\nproc\nsrv\nsys\ntmp\n");
  EXPECT_EQ(outcome.code, 0);
}

TEST_F(ExecTest, IsInTheCgroupsOfTheContainer) {
  EXPECT_EQ(shell("cat /proc/self/cgroup").output, shell("cat /proc/1/cgroup").output);
  auto executed = exec({.init_pidfd = container_->pidfd(),
                        .init_pid = container_->pid(),
                        .container = spec_,
                        .process = process({"sleep", "1000"})});
  ASSERT_TRUE(executed);
  const std::string own = *sys::read_file(fmt::format("/proc/{}/cgroup", executed->child.pid()));
  for (const std::string_view line : split(trim(own), '\n'))
    EXPECT_TRUE(line.ends_with(spec_.linux_part.cgroups_path)) << line;
  EXPECT_TRUE(executed->child.kill(SIGKILL));
  EXPECT_EQ(executed->child.wait()->signal, SIGKILL);
}

TEST_F(ExecTest, HasTheSameRights) {
  const Outcome outcome = shell(
      "grep -E 'Cap|Seccomp:|NoNew' /proc/self/status > /tmp/own; grep -E 'Cap|Seccomp:|NoNew' "
      "/proc/1/status > /tmp/init; cat /tmp/own; cat /tmp/init");
  const std::size_t half = outcome.output.size() / 2;
  EXPECT_EQ(outcome.output.substr(0, half), outcome.output.substr(half));
  EXPECT_NE(outcome.output.find("Seccomp:\t2"), std::string::npos);
}

TEST_F(ExecTest, ExitCodesAndSignals) {
  EXPECT_EQ(shell("exit 3").code, 3);
  EXPECT_EQ(shell("kill -15 $$").code, 143);
}

TEST_F(ExecTest, UserDirectoryAndEnvironment) {
  oci::Process other = process({"sh", "-c", "id -u; pwd; echo $X"});
  other.user = {.uid = 1000, .gid = 1000};
  other.cwd = "/srv";
  other.env.push_back("X=y");
  EXPECT_EQ(exec_in(*container_, spec_, other).output, "1000\n/srv\ny\n");
}

TEST_F(ExecTest, AMissingDirectoryIsAnErrorAndIsNotMade) {
  oci::Process lost = process({"true"});
  lost.cwd = "/no/such/directory";
  const Error error = failure(lost);
  EXPECT_EQ(error.kind(), ErrorKind::kCommandNotRunnable);
  EXPECT_NE(error.message().find("/no/such/directory"), std::string::npos);
  EXPECT_FALSE(sys::exists(in_root("/no")));
}

TEST_F(ExecTest, WhatCannotBeExecutedIsSaidInDockersWords) {
  EXPECT_EQ(failure(process({"foo"})).message(), "exec: \"foo\": executable file not found in $PATH");
  EXPECT_EQ(failure(process({"foo"})).kind(), ErrorKind::kCommandNotFound);
  EXPECT_EQ(failure(process({"/etc"})).message(), "exec: \"/etc\": is a directory");
  EXPECT_EQ(failure(process({"/proc/self/exe"})).kind(), ErrorKind::kCommandNotRunnable);
}

TEST_F(ExecTest, GetsATerminalOfItsOwn) {
  oci::Process terminal = process({"sh", "-c", "tty; stty size; echo x > /dev/tty"});
  terminal.terminal = true;
  terminal.console_size = {.height = 11, .width = 22};
  EXPECT_EQ(exec_in(*container_, spec_, terminal).output, "/dev/pts/0\r\n11 22\r\nx\r\n");
}

TEST_F(ExecTest, AFalseDevptsIsRefused) {
  oci::RuntimeSpec spec = spec_for("sleep 1000");
  std::erase_if(spec.mounts, [](const oci::Mount& mount) { return mount.type == "devpts"; });
  ASSERT_TRUE(sys::make_directories(in_root("/dev/pts")));
  Created& container = running(spec);
  oci::Process terminal = process({"tty"});
  terminal.terminal = true;
  auto executed =
      exec({.init_pidfd = container.pidfd(), .init_pid = container.pid(), .container = spec, .process = terminal});
  ASSERT_FALSE(executed);
  EXPECT_NE(executed.error().message().find("/dev/pts"), std::string::npos) << executed.error().message();
}

TEST_F(ExecTest, OurProgramIsHiddenFromTheContainer) {
  // A process of the container that watches for newcomers and opens their program.
  auto executed = exec({.init_pidfd = container_->pidfd(),
                        .init_pid = container_->pid(),
                        .container = spec_,
                        .process = process({"sh", "-c",
                                            "while :; do for p in /proc/[0-9]*/exe; do readlink "
                                            "$p; done; done > /tmp/seen 2>/dev/null"})});
  ASSERT_TRUE(executed);
  for (int i = 0; i < 30; ++i) EXPECT_EQ(shell("true").code, 0);
  EXPECT_TRUE(executed->child.kill(SIGKILL));
  (void)executed->child.wait();
  EXPECT_EQ(sys::read_file(in_root("/tmp/seen"), 1 << 30)->find("_test"), std::string::npos);
}

TEST_F(ExecTest, IntoAContainerThatHasEnded) {
  EXPECT_TRUE(container_->init().kill(SIGKILL));
  (void)container_->init().wait();
  EXPECT_EQ(failure(process({"true"})).kind(), ErrorKind::kConflict);
  running_.clear();
}

TEST_F(ExecTest, DiesWithTheContainer) {
  auto executed = exec({.init_pidfd = container_->pidfd(),
                        .init_pid = container_->pid(),
                        .container = spec_,
                        .process = process({"sleep", "1000"})});
  ASSERT_TRUE(executed);
  EXPECT_TRUE(container_->init().kill(SIGKILL));
  EXPECT_EQ(executed->child.wait()->signal, SIGKILL);
  (void)container_->init().wait();
  running_.clear();
}

}  // namespace
}  // namespace strata::runtime
