#include "sys/cgroup.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>

#include "sys/bpf_device.h"
#include "sys/cgroup_files.h"
#include "sys/cgroup_v2.h"
#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::sys {
namespace {

// ---- v2 on a directory that looks like a cgroup2 mount: what is written where

class CgroupV2Files : public ::testing::Test {
 protected:
  CgroupV2Files() : root_(*TempDir::create("/tmp", "cgroup2.")) {
    for (const char* directory : {"", "/strata", "/strata/x"}) {
      (void)make_directories(root_.path() + directory);
      make(std::string(directory) + "/cgroup.controllers", "cpuset cpu io memory pids misc");
      make(std::string(directory) + "/cgroup.subtree_control", "");
    }
    for (const char* file : {"memory.max", "memory.swap.max", "memory.low", "cpu.weight", "cpu.max", "cpuset.cpus",
                             "cpuset.mems", "pids.max", "io.weight", "io.max", "memory.high", "cgroup.freeze"})
      make(std::string("/strata/x/") + file, "");
  }
  void make(const std::string& name, const std::string& content) { std::ofstream(root_.path() + name) << content; }
  std::string content(const std::string& name) { return read_file(root_.path() + name).value_or("(missing)"); }
  std::string group(const std::string& file) { return content("/strata/x/" + file); }

  TempDir root_;
};

TEST_F(CgroupV2Files, ControllersAreEnabledAlongThePath) {
  CgroupV2 cgroup(root_.path(), "/strata/x");
  ASSERT_TRUE(*cgroup.create());
  EXPECT_EQ(content("/cgroup.subtree_control"), "+cpu +cpuset +io +memory +pids");
  EXPECT_EQ(content("/strata/cgroup.subtree_control"), "+cpu +cpuset +io +memory +pids");
  EXPECT_EQ(group("cgroup.subtree_control"), "") << "processes live in the last one";
  EXPECT_GE(cgroup.descriptor(), 0);
}

TEST_F(CgroupV2Files, OnlyMissingControllersAreEnabled) {
  make("/cgroup.subtree_control", "cpu memory pids");
  CgroupV2 cgroup(root_.path(), "/strata/x");
  ASSERT_TRUE(*cgroup.create());
  // The file here is a plain one: it holds the last write.
  EXPECT_EQ(content("/cgroup.subtree_control"), "+cpuset +iopids") << "written over the first bytes";
}

TEST_F(CgroupV2Files, LimitsBecomeV2Values) {
  CgroupV2 cgroup(root_.path(), "/strata/x");
  CgroupLimits limits;
  limits.memory = 64 << 20;
  limits.memory_and_swap = 96 << 20;
  limits.memory_reservation = 32 << 20;
  limits.cpu_shares = 1024;
  limits.cpu_quota = 50'000;
  limits.cpus = "0-1";
  limits.mems = "0";
  limits.pids = 100;
  limits.block_weight = 1000;
  limits.read_bps = {{8, 0, 1'000'000}};
  limits.unified = {{"memory.high", "1000"}};
  const auto set = cgroup.set(limits);
  ASSERT_TRUE(set) << set.error().message();
  EXPECT_EQ(group("memory.max"), "67108864");
  EXPECT_EQ(group("memory.swap.max"), "33554432") << "swap alone, not with memory";
  EXPECT_EQ(group("memory.low"), "33554432");
  EXPECT_EQ(group("cpu.weight"), "39");
  EXPECT_EQ(group("cpu.max"), "50000 100000");
  EXPECT_EQ(group("cpuset.cpus"), "0-1");
  EXPECT_EQ(group("pids.max"), "100");
  EXPECT_EQ(group("io.weight"), "10000");
  EXPECT_EQ(group("io.max"), "8:0 rbps=1000000");
  EXPECT_EQ(group("memory.high"), "1000");
}

TEST_F(CgroupV2Files, UnlimitedIsMax) {
  CgroupV2 cgroup(root_.path(), "/strata/x");
  CgroupLimits limits;
  limits.memory = -1;
  limits.memory_and_swap = -1;
  limits.cpu_quota = -1;
  limits.pids = 0;
  ASSERT_TRUE(cgroup.set(limits));
  EXPECT_EQ(group("memory.max"), "max");
  EXPECT_EQ(group("memory.swap.max"), "max");
  EXPECT_EQ(group("cpu.max"), "max 100000");
  EXPECT_EQ(group("pids.max"), "max");
}

TEST_F(CgroupV2Files, ALimitWithoutItsControllerIsAnErrorThatNamesIt) {
  ASSERT_TRUE(remove_file(root_.path() + "/strata/x/pids.max"));
  CgroupV2 cgroup(root_.path(), "/strata/x");
  CgroupLimits limits;
  limits.pids = 5;
  const auto set = cgroup.set(limits);
  ASSERT_FALSE(set);
  EXPECT_EQ(set.error().kind(), ErrorKind::kUnsupported);
  EXPECT_NE(set.error().message().find("pids"), std::string::npos);
}

TEST_F(CgroupV2Files, UnifiedNamesStayInTheGroup) {
  CgroupV2 cgroup(root_.path(), "/strata/x");
  CgroupLimits limits;
  limits.unified = {{"../../cgroup.subtree_control", "1"}};
  EXPECT_FALSE(cgroup.set(limits));
}

TEST(CgroupWeight, SharesBecomeWeights) {
  EXPECT_EQ(cpu_weight(0), 100u);
  EXPECT_EQ(cpu_weight(2), 1u);
  EXPECT_EQ(cpu_weight(1024), 39u);
  EXPECT_EQ(cpu_weight(262'144), 10'000u);
  EXPECT_EQ(cpu_weight(1'000'000), 10'000u);
}

// ---- the device program, run by a small interpreter

bool allowed(const std::vector<bpf_insn>& program, char type, std::uint32_t access, std::uint32_t major,
             std::uint32_t minor) {
  const std::uint32_t context[3] = {(access << 16) | (type == 'b' ? BPF_DEVCG_DEV_BLOCK : BPF_DEVCG_DEV_CHAR), major,
                                    minor};
  std::uint64_t r[11] = {};
  for (std::size_t at = 0; at < program.size(); ++at) {
    const bpf_insn& i = program[at];
    const auto imm = static_cast<std::uint32_t>(i.imm);
    switch (i.code) {
      case BPF_LDX | BPF_MEM | BPF_W:
        r[i.dst_reg] = context[i.off / 4];
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        r[i.dst_reg] &= imm;
        break;
      case BPF_ALU | BPF_RSH | BPF_K:
        r[i.dst_reg] >>= imm;
        break;
      case BPF_ALU | BPF_MOV | BPF_X:
        r[i.dst_reg] = r[i.src_reg];
        break;
      case BPF_ALU64 | BPF_MOV | BPF_K:
        r[i.dst_reg] = imm;
        break;
      case BPF_JMP | BPF_JNE | BPF_K:
        at += r[i.dst_reg] != imm ? static_cast<std::size_t>(i.off) : 0;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        at += r[i.dst_reg] == imm ? static_cast<std::size_t>(i.off) : 0;
        break;
      case BPF_JMP | BPF_JNE | BPF_X:
        at += r[i.dst_reg] != r[i.src_reg] ? static_cast<std::size_t>(i.off) : 0;
        break;
      case BPF_JMP | BPF_EXIT:
        return r[0] != 0;
      default:
        ADD_FAILURE() << "instruction " << static_cast<int>(i.code);
        return false;
    }
  }
  ADD_FAILURE() << "runs past its end";
  return false;
}
constexpr std::uint32_t kMknod = BPF_DEVCG_ACC_MKNOD, kRead = BPF_DEVCG_ACC_READ, kWrite = BPF_DEVCG_ACC_WRITE;

std::vector<CgroupDeviceRule> docker_like_rules() {
  return {{.allow = false, .type = 'a'},
          {.allow = true, .type = 'c', .read = false, .write = false},
          {.allow = true, .type = 'c', .major = 1, .minor = 3},
          {.allow = true, .type = 'c', .major = 136},
          {.allow = true, .type = 'b', .major = 8, .minor = 0, .write = false, .mknod = false},
          {.allow = false, .type = 'c', .major = 136, .minor = 9, .read = false, .mknod = false}};
}

TEST(DeviceProgram, TheLastMatchingRuleDecides) {
  const auto program = device_program(docker_like_rules());
  EXPECT_TRUE(allowed(program, 'c', kRead | kWrite, 1, 3));
  EXPECT_FALSE(allowed(program, 'c', kRead, 1, 1)) << "/dev/mem";
  EXPECT_TRUE(allowed(program, 'c', kMknod, 1, 1)) << "making the node is harmless";
  EXPECT_FALSE(allowed(program, 'c', kMknod | kRead, 1, 1));
  EXPECT_TRUE(allowed(program, 'b', kRead, 8, 0));
  EXPECT_FALSE(allowed(program, 'b', kRead | kWrite, 8, 0));
  EXPECT_FALSE(allowed(program, 'b', kRead, 8, 1));
  EXPECT_FALSE(allowed(program, 'b', kMknod, 8, 0));
  EXPECT_TRUE(allowed(program, 'c', kRead | kWrite, 136, 5));
  EXPECT_FALSE(allowed(program, 'c', kRead | kWrite, 136, 9)) << "a part of it is denied";
  EXPECT_TRUE(allowed(program, 'c', kRead, 136, 9));
}

TEST(DeviceProgram, NothingIsAllowedWithoutRules) { EXPECT_FALSE(allowed(device_program({}), 'c', kRead, 1, 3)); }

TEST(DeviceProgram, TheKernelTakesIt) {
  if (!device_programs_work()) GTEST_SKIP() << "this kernel or user cannot load cgroup device programs";
  if (!exists("/sys/fs/cgroup/unified/cgroup.procs") && !exists("/sys/fs/cgroup/cgroup.procs"))
    GTEST_SKIP() << "no cgroup2 mount";
  const std::string mount = exists("/sys/fs/cgroup/unified") ? "/sys/fs/cgroup/unified" : "/sys/fs/cgroup";
  CgroupV2 cgroup(mount, "/strata-test-" + random_hex(6));
  if (!cgroup.create().value_or(false)) GTEST_SKIP() << "cgroup2 is not writable";
  const auto attached = attach_device_program(cgroup.descriptor(), docker_like_rules());
  EXPECT_TRUE(attached) << attached.error().message();
  if (attached) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (!cgroup.add(::getpid())) ::_exit(9);
      const bool null = ::open("/dev/null", O_RDWR) >= 0, zero = ::open("/dev/zero", O_RDONLY) >= 0;
      ::_exit((null ? 1 : 0) | (zero ? 2 : 0));
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 1) << "null, not zero";
  }
  EXPECT_TRUE(remove_group(cgroup.directory()));
}

// ---- the real thing, whatever this host has

class RealCgroup : public ::testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto made = Cgroup::create(path_);
    ASSERT_TRUE(made) << made.error().message();
    cgroup_.emplace(std::move(*made));
    if (cgroup_->empty()) GTEST_SKIP() << "this host has no writable cgroups";
  }
  void TearDown() override {
    if (!cgroup_) return;
    (void)cgroup_->kill_all();
    const auto removed = cgroup_->remove();
    EXPECT_TRUE(removed) << removed.error().message();
    EXPECT_TRUE(Cgroup::open(path_)->empty());
  }
  // A process in the group that waits to be killed.
  pid_t sleeper() {
    const pid_t child = ::fork();
    if (child == 0)
      for (;;) ::pause();
    EXPECT_TRUE(cgroup_->add(child));
    return child;
  }

  std::string path_ = "/strata-test-" + random_hex(6);
  std::optional<Cgroup> cgroup_;
};

TEST_F(RealCgroup, MakesADirectoryInEveryHierarchy) {
  EXPECT_FALSE(cgroup_->directories().empty());
  for (const auto& [name, directory] : cgroup_->directories()) EXPECT_TRUE(exists(directory + "/cgroup.procs")) << name;
}

TEST_F(RealCgroup, ListsKillsAndLetsGo) {
  const pid_t child = sleeper();
  EXPECT_EQ(*cgroup_->processes(), std::vector<pid_t>{child});
  const auto busy = cgroup_->remove();
  ASSERT_FALSE(busy);
  EXPECT_EQ(busy.error().kind(), ErrorKind::kConflict);
  EXPECT_TRUE(cgroup_->kill_all());
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WTERMSIG(status), SIGKILL);
}

TEST_F(RealCgroup, KillsWhatIsFrozen) {
  const pid_t child = sleeper();
  if (const auto frozen = cgroup_->freeze(); !frozen) {
    (void)cgroup_->kill_all();
    ::waitpid(child, nullptr, 0);
    GTEST_SKIP() << frozen.error().message();
  }
  EXPECT_TRUE(cgroup_->kill_all());
  EXPECT_EQ(::waitpid(child, nullptr, 0), child);
}

TEST_F(RealCgroup, RemovesGroupsBelow) {
  for (const auto& [name, directory] : cgroup_->directories()) ASSERT_TRUE(make_directories(directory + "/a/b"));
  EXPECT_TRUE(cgroup_->remove());
}

TEST_F(RealCgroup, AProcessOfOneThreadEntersByItself) {
  const pid_t child = ::fork();
  if (child == 0) {
    const auto entered = cgroup_->enter_self();
    const auto own = read_file("/proc/self/cgroup");
    std::size_t found = 0;
    for (std::size_t at = own->find(path_); at != std::string::npos; at = own->find(path_, at + 1)) ++found;
    ::_exit(entered ? static_cast<int>(found) : 99);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  const bool unified = cgroup_->clone_descriptor() >= 0;
  EXPECT_EQ(WEXITSTATUS(status), static_cast<int>(cgroup_->directories().size()) - (unified ? 1 : 0));
}

TEST_F(RealCgroup, StatisticsCountProcesses) {
  CgroupLimits limits;
  limits.pids = 7;
  limits.memory = 64 << 20;
  if (const auto set = cgroup_->set(limits); !set) GTEST_SKIP() << set.error().message();
  const pid_t child = sleeper();
  const auto statistics = *cgroup_->statistics();
  EXPECT_EQ(statistics.pids, 1u);
  EXPECT_EQ(statistics.memory_limit, 64u << 20);
  EXPECT_EQ(statistics.oom_kills.value_or(0), 0u);
  EXPECT_TRUE(cgroup_->kill_all());
  ::waitpid(child, nullptr, 0);
}

TEST(CgroupPath, MustBeAbsoluteAndPlain) {
  for (const char* path : {"", "/", "x", "/x/", "/x//y", "/../x", "/x/..", "/./x"}) {
    const auto made = Cgroup::create(path);
    ASSERT_FALSE(made) << path;
    EXPECT_EQ(made.error().kind(), ErrorKind::kInvalidArgument);
  }
}

}  // namespace
}  // namespace strata::sys
