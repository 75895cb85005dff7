// What a container's processes are: namespaces, user, rights, limits, and how they begin and end.
#include "runtime/create.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "base/strings.h"
#include "runtime/test_container.h"
#include "sys/capability.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include <gtest/gtest.h>

namespace strata::runtime {
namespace {

using CreateTest = ContainerTest;

std::string host_namespace(const std::string& type) {
  char target[64] = {};
  return ::readlink(("/proc/self/ns/" + type).c_str(), target, sizeof target - 1) > 0 ? target : "";
}

TEST_F(CreateTest, EveryNamespaceIsItsOwn) {
  const Outcome outcome = run("for n in mnt pid uts ipc cgroup net user; do readlink /proc/self/ns/$n; done");
  std::istringstream lines(outcome.output);
  for (const char* type : {"mnt", "pid", "uts", "ipc", "cgroup", "net"}) {
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(line.find(std::string(type) + ":["), 0u) << line;
    EXPECT_NE(line, host_namespace(type));
  }
  std::string user;
  std::getline(lines, user);
  EXPECT_EQ(user, host_namespace("user"));
}

TEST_F(CreateTest, WhatIsNotAskedForIsTheHosts) {
  auto spec = spec_for("readlink /proc/self/ns/net; readlink /proc/self/ns/uts");
  spec.hostname.clear();
  std::erase_if(spec.linux_part.namespaces, [](const auto& ns) {
    return ns.type == oci::NamespaceType::kNetwork || ns.type == oci::NamespaceType::kUts;
  });
  EXPECT_EQ(run(spec).output, host_namespace("net") + "\n" + host_namespace("uts") + "\n");
}

TEST_F(CreateTest, ANamespaceIsJoinedByItsPath) {
  auto first = spec_for("sleep 1000");
  Created& other = running(first);
  for (const oci::NamespaceType type :
       {oci::NamespaceType::kNetwork, oci::NamespaceType::kPid, oci::NamespaceType::kIpc}) {
    auto spec = spec_for(
        "readlink /proc/self/ns/net; readlink /proc/self/ns/pid; readlink /proc/self/ns/ipc; test "
        "-d /proc/1");
    const char* file = type == oci::NamespaceType::kNetwork ? "net" : type == oci::NamespaceType::kPid ? "pid" : "ipc";
    const std::string path = fmt::format("/proc/{}/ns/{}", other.pid(), file);
    for (auto& ns : spec.linux_part.namespaces)
      if (ns.type == type) ns.path = path;
    char target[64] = {};
    ASSERT_GT(::readlink(path.c_str(), target, sizeof target - 1), 0);
    const Outcome outcome = run(spec);
    EXPECT_EQ(outcome.code, 0);
    EXPECT_NE(outcome.output.find(target), std::string::npos) << file << " " << outcome.output;
  }
}

TEST_F(CreateTest, HostNameDomainNameAndLoopback) {
  auto spec = spec_for("hostname; cat /proc/sys/kernel/domainname; ifconfig lo | grep -c 127.0.0.1; echo $$");
  spec.domainname = "example.org";
  EXPECT_EQ(run(spec).output, "box\nexample.org\n1\n1\n");
}

TEST_F(CreateTest, ExitCodesAndSignals) {
  EXPECT_EQ(run("exit 0").code, 0);
  EXPECT_EQ(run("exit 7").code, 7);
  EXPECT_EQ(run("sh -c 'kill -9 $$'; exit $?").code, 137);
}

TEST_F(CreateTest, EnvironmentArgumentsAndDirectoryAreWhatTheSpecSays) {
  auto spec = spec_for("");
  spec.process.args = {"sh", "-c", "echo \"$0|$1|$A|$(pwd)\"; env | wc -l", "zero", "one two"};
  spec.process.env = {"PATH=/bin", "A=b=c"};
  spec.process.cwd = "/made/for/me";
  EXPECT_EQ(run(spec).output, "zero|one two|b=c|/made/for/me\n4\n") << "and PWD and SHLVL of the shell";
}

TEST_F(CreateTest, UserGroupsAndUmask) {
  auto spec = spec_for("id -u; id -g; id -G; umask; touch /tmp/x && ls -ln /tmp/x");
  ASSERT_EQ(::chmod(in_root("/tmp").c_str(), 01777), 0);
  spec.process.user = {.uid = 1000, .gid = 1001, .umask = 077, .additional_gids = {7, 8}};
  const std::string output = run(spec).output;
  EXPECT_EQ(output.find("1000\n1001\n1001 7 8\n0077\n-rw-------    1 1000     1001"), 0u) << output;
}

TEST_F(CreateTest, CapabilitySetsAreExactlyThese) {
  auto spec = spec_for("grep Cap /proc/self/status");
  set_capabilities(spec.process, {"CAP_CHOWN", "CAP_KILL"});
  EXPECT_EQ(run(spec).output,
            "CapInh:\t0000000000000000\nCapPrm:\t0000000000000021\nCapEff:"
            "\t0000000000000021\nCapBnd:\t0000000000000021\n"
            "CapAmb:\t0000000000000000\n");
  spec.process.user.uid = 1000;
  spec.process.capabilities.effective.clear();
  spec.process.capabilities.permitted.clear();
  EXPECT_EQ(run(spec).output,
            "CapInh:\t0000000000000000\nCapPrm:\t0000000000000000\nCapEff:"
            "\t0000000000000000\nCapBnd:\t0000000000000021\n"
            "CapAmb:\t0000000000000000\n");
  spec.process.capabilities.permitted = spec.process.capabilities.inheritable =
      spec.process.capabilities.ambient = {"CAP_KILL"};
  EXPECT_EQ(run(spec).output,
            "CapInh:\t0000000000000020\nCapPrm:\t0000000000000020\nCapEff:"
            "\t0000000000000020\nCapBnd:\t0000000000000021\n"
            "CapAmb:\t0000000000000020\n");
}

TEST_F(CreateTest, ACapabilityThatNobodyHereHasIsLeftOut) {
  auto spec = spec_for("grep CapBnd /proc/self/status");
  const auto own = *sys::current_capabilities();
  std::vector<std::string> all;
  for (int number = 0; number <= 40; ++number) all.push_back(sys::capability_name(number));
  set_capabilities(spec.process, all);
  EXPECT_EQ(run(spec).output, fmt::format("CapBnd:\t{:016x}\n", own.bounding));
}

TEST_F(CreateTest, NoNewPrivileges) {
  auto spec = spec_for("grep NoNewPrivs /proc/self/status");
  EXPECT_EQ(run(spec).output, "NoNewPrivs:\t0\n");
  spec.process.no_new_privileges = true;
  EXPECT_EQ(run(spec).output, "NoNewPrivs:\t1\n");
}

TEST_F(CreateTest, SeccompIsOnAndRefuses) {
  auto spec = spec_for("grep Seccomp: /proc/self/status; unshare -m true; chroot / true && echo chrooted");
  const Outcome outcome = run(spec);
  EXPECT_NE(outcome.output.find("Seccomp:\t2"), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.output.find("unshare"), std::string::npos);
  EXPECT_NE(outcome.output.find("chrooted"), std::string::npos) << "CAP_SYS_CHROOT is one of Docker's";
  EXPECT_NE(run(spec, SeccompSource::kSpec).output.find("Seccomp:\t0"), std::string::npos);
}

TEST_F(CreateTest, AProfileOfTheSpecHoldsForAnyUser) {
  auto spec = spec_for("mkdir /tmp/never; echo $?");
  ASSERT_EQ(::chmod(in_root("/tmp").c_str(), 01777), 0);
  spec.linux_part.seccomp =
      oci::Seccomp{.default_action = "SCMP_ACT_ALLOW", .syscalls = {{{"mkdir", "mkdirat"}, "SCMP_ACT_ERRNO", 38, {}}}};
  EXPECT_NE(run(spec, SeccompSource::kSpec).output.find("Function not implemented\n1\n"), std::string::npos);
  spec.process.user.uid = 1000;
  EXPECT_NE(run(spec, SeccompSource::kSpec).output.find("Function not implemented\n1\n"), std::string::npos);
  spec.process.no_new_privileges = true;
  EXPECT_NE(run(spec, SeccompSource::kSpec).output.find("Function not implemented\n1\n"), std::string::npos);
}

TEST_F(CreateTest, ResourceLimits) {
  auto spec = spec_for("ulimit -n; ulimit -Hn");
  spec.process.rlimits = {{.type = "RLIMIT_NOFILE", .soft = 100, .hard = 200}};
  EXPECT_EQ(run(spec).output, "100\n200\n");

  rlimit64 own{};
  ASSERT_EQ(::getrlimit64(RLIMIT_NOFILE, &own), 0);
  const bool may_raise = (sys::current_capabilities()->effective >> 24 & 1) != 0;
  if (may_raise) GTEST_SKIP() << "this user may raise limits (CAP_SYS_RESOURCE)";
  spec.process.rlimits = {{.type = "RLIMIT_NOFILE", .soft = own.rlim_max + 1, .hard = own.rlim_max + 1}};
  const Error refused = failure_of(spec);
  EXPECT_EQ(refused.kind(), ErrorKind::kPermissionDenied);
  EXPECT_NE(refused.message().find("RLIMIT_NOFILE"), std::string::npos);
  spec.process.rlimits[0].best_effort = true;
  EXPECT_EQ(run(spec).output, fmt::format("{}\n{}\n", own.rlim_cur, own.rlim_max));
}

TEST_F(CreateTest, LimitsAreInTheCgroupAndCountThere) {
  auto spec = spec_for(
      "cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids/pids.max "
      "/sys/fs/cgroup/cpu/cpu.cfs_quota_us 2>/dev/null"
      " || cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/pids.max /sys/fs/cgroup/cpu.max");
  oci::Resources& resources = spec.linux_part.resources;
  resources.memory.limit = 64 << 20;
  resources.pids_limit = 9;
  resources.cpu.period = 100'000;
  resources.cpu.quota = 50'000;
  const std::string output = run(spec).output;
  EXPECT_TRUE(output == "67108864\n9\n50000\n" || output == "67108864\n9\n50000 100000\n") << output;
}

TEST_F(CreateTest, TheProcessLimitStopsAForkBomb) {
  auto spec = spec_for("for i in 1 2 3 4 5 6 7 8 9; do sleep 100 & done; echo unreachable");
  spec.linux_part.resources.pids_limit = 5;
  const Outcome outcome = run(spec);
  EXPECT_NE(outcome.output.find("fork"), std::string::npos) << outcome.output;
  EXPECT_EQ(outcome.output.find("unreachable"), std::string::npos);
}

TEST_F(CreateTest, TheMemoryLimitKills) {
  auto spec = spec_for("dd if=/dev/zero of=/dev/null bs=200M count=1; echo unreachable");
  spec.process.args = {"dd", "if=/dev/zero", "of=/dev/null", "bs=200M", "count=1"};
  spec.linux_part.resources.memory.limit = 16 << 20;
  spec.linux_part.resources.memory.swap = 16 << 20;
  EXPECT_EQ(run(spec).code, 137);
}

TEST_F(CreateTest, AnImpossibleLimitIsAnErrorAndLeavesNothing) {
  auto spec = spec_for("true");
  spec.linux_part.resources.cpu.cpus = "4000-4001";
  failure_of(spec);
  EXPECT_TRUE(sys::Cgroup::open(spec.linux_part.cgroups_path)->empty());
  spec.linux_part.resources.cpu.cpus.clear();
  spec.linux_part.resources.memory.limit = 4096;
  const Error error = failure_of(spec);
  EXPECT_EQ(error.kind(), ErrorKind::kResourceExhausted) << error.message();
}

TEST_F(CreateTest, OnlyTheContainersCgroupIsInSight) {
  const Outcome outcome = run("cat /proc/self/cgroup; touch /sys/fs/cgroup/x");
  for (const std::string_view line : split(trim(outcome.output), '\n')) {
    if (line.starts_with("touch")) continue;
    EXPECT_TRUE(line.ends_with(":/")) << line;
  }
  EXPECT_NE(outcome.output.find("Read-only file system"), std::string::npos) << outcome.output;
}

TEST_F(CreateTest, DeviceFilesOfTheHostCannotBeOpened) {
  auto spec = spec_for(
      "mknod /tmp/mem c 1 1; mknod /tmp/disk b 254 0; cat /tmp/mem; cat /tmp/disk; head -c 4 "
      "/dev/zero | wc -c; echo x > /dev/null && echo fine");
  const std::string output = run(spec).output;
  const auto first = output.find("Operation not permitted");
  ASSERT_NE(first, std::string::npos) << output;
  EXPECT_NE(output.find("Operation not permitted", first + 1), std::string::npos) << output;
  EXPECT_NE(output.find("4\nfine\n"), std::string::npos) << output;
  if (!sys::exists("/dev/net/tun")) GTEST_SKIP() << "this host has no /dev/net/tun to allow";
  spec.process.args[2] = "test -e /tmp/tun || mknod /tmp/tun c 10 200; : < /tmp/tun && echo opened";
  EXPECT_NE(run(spec).output.find("Operation not permitted"), std::string::npos);
  spec.linux_part.resources.devices.push_back({.allow = true, .type = 'c', .major = 10, .minor = 200, .access = "rw"});
  EXPECT_EQ(run(spec).output, "opened\n");
}

TEST_F(CreateTest, WithoutACgroupThereAreNoDevicesAtAll) {
  auto spec = spec_for("mknod /tmp/null c 1 3 || echo no; echo x > /dev/null && echo fine");
  spec.linux_part.cgroups_path.clear();
  const Outcome outcome = run(spec_for("true"));
  EXPECT_EQ(outcome.code, 0);
  sys::Pipe pipe = *sys::make_pipe();
  auto created = create({.spec = spec, .stdio = {-1, pipe.write.get(), -1}});
  ASSERT_TRUE(created) << created.error().message();
  ASSERT_TRUE(start(*created));
  pipe.write.reset();
  EXPECT_EQ(*sys::read_fd(pipe.read.get()), "no\nfine\n");
  EXPECT_EQ(created->init().wait()->code, 0);
}

TEST_F(CreateTest, SysctlsOfOwnNamespaces) {
  auto spec = spec_for(
      "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/msgmax; echo 1 > "
      "/proc/sys/net/ipv4/ip_forward");
  spec.linux_part.sysctl = {{"net.ipv4.ip_unprivileged_port_start", "0"}, {"kernel/msgmax", "9000"}};
  const std::string output = run(spec).output;
  EXPECT_EQ(output.find("0\n9000\n"), 0u) << output;
  EXPECT_NE(output.find("Read-only"), std::string::npos);
  for (const char* foreign :
       {"kernel.core_pattern", "vm.swappiness", "net/../../kernel/core_pattern", "kernel.domainname.x"}) {
    spec.linux_part.sysctl = {{foreign, "1"}};
    EXPECT_EQ(failure_of(spec).kind(), ErrorKind::kInvalidArgument) << foreign;
  }
  spec.linux_part.sysctl = {{"net.ipv4.no_such_thing", "1"}};
  EXPECT_EQ(failure_of(spec).kind(), ErrorKind::kNotFound);
  spec.linux_part.sysctl = {{"net.ipv4.ip_forward", "1"}};
  std::erase_if(spec.linux_part.namespaces, [](const auto& ns) { return ns.type == oci::NamespaceType::kNetwork; });
  EXPECT_EQ(failure_of(spec).kind(), ErrorKind::kInvalidArgument);
}

TEST_F(CreateTest, WhatCannotBeExecutedIsSaidInDockersWords) {
  ASSERT_TRUE(sys::replace_file(in_root("/etc/data"), "x"));
  ASSERT_TRUE(sys::replace_file(in_root("/bin/script"), "#!/no/such/interpreter\n", 0755));
  ASSERT_TRUE(sys::replace_file(in_root("/bin/garbage"), std::string("\x7f") + "ELFx", 0755));
  struct {
    const char* command;
    ErrorKind kind;
    const char* message;
  } const cases[] = {
      {"foo", ErrorKind::kCommandNotFound, "exec: \"foo\": executable file not found in $PATH"},
      {"data", ErrorKind::kCommandNotFound, "exec: \"data\": executable file not found in $PATH"},
      {"/foo", ErrorKind::kCommandNotFound, "exec: \"/foo\": stat /foo: no such file or directory"},
      {"/etc", ErrorKind::kCommandNotRunnable, "exec: \"/etc\": is a directory"},
      {"/etc/data", ErrorKind::kCommandNotRunnable, "exec: \"/etc/data\": permission denied"},
      {"script", ErrorKind::kCommandNotFound, "exec /bin/script: no such file or directory"},
      {"/bin/garbage", ErrorKind::kCommandNotRunnable, "exec /bin/garbage: exec format error"},
  };
  for (const auto& [command, kind, message] : cases) {
    auto spec = spec_for("");
    spec.process.args = {command};
    const Error error = failure_of(spec);
    EXPECT_EQ(error.kind(), kind) << command;
    EXPECT_EQ(error.message(), message);
  }
}

TEST_F(CreateTest, SpecsThatMakeNoSenseAreErrors) {
  const auto kind_of = [&](const std::function<void(oci::RuntimeSpec&)>& change) {
    auto spec = spec_for("true");
    change(spec);
    return failure_of(spec).kind();
  };
  EXPECT_EQ(kind_of([](auto& s) { s.process.args.clear(); }), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of([](auto& s) { s.process.cwd = "tmp"; }), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of([](auto& s) { s.process.env.push_back(std::string("A\0B", 3)); }), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of([](auto& s) { s.process.capabilities.bounding = {"CAP_FLY"}; }), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of([](auto& s) { s.linux_part.namespaces.clear(); }), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of([](auto& s) { s.linux_part.namespaces.push_back({oci::NamespaceType::kUser, ""}); }),
            ErrorKind::kUnsupported);
  EXPECT_EQ(kind_of([](auto& s) { s.root.path = "/no/such/root"; }), ErrorKind::kNotFound);
  EXPECT_EQ(kind_of([](auto& s) { s.root.path = "/etc/passwd"; }), ErrorKind::kInvalidArgument);
  EXPECT_EQ(kind_of([](auto& s) { s.linux_part.cgroups_path = "/../x"; }), ErrorKind::kInvalidArgument);
}

TEST_F(CreateTest, NoDescriptorOfTheHostStays) {
  const int leaked = ::open("/etc/passwd", O_RDONLY);  // not close-on-exec
  const Outcome outcome = run("ls /proc/self/fd | wc -l; ls -l /proc/1/fd; readlink /proc/1/cwd");
  ::close(leaked);
  EXPECT_EQ(outcome.output.find("4\n"), 0u) << outcome.output;
  EXPECT_EQ(outcome.output.find("passwd"), std::string::npos);
  EXPECT_TRUE(outcome.output.ends_with("\n/\n")) << outcome.output;
}

TEST_F(CreateTest, AWorkingDirectoryThatIsADescriptorOfTheHostIsRefused) {
  const int leaked = ::open("/", O_RDONLY | O_DIRECTORY);
  auto spec = spec_for("ls");
  spec.process.cwd = "/proc/self/fd/" + std::to_string(leaked);
  failure_of(spec);
  ::close(leaked);
}

TEST_F(CreateTest, OurOwnProgramCannotBeExecutedFromInside) {
  // CVE-2019-5736: what a script's interpreter line finds must not be the program that set the
  // container up.
  ASSERT_TRUE(sys::replace_file(in_root("/bin/trap"), "#!/proc/self/exe --gtest_list_tests\n", 0755));
  for (const char* command : {"/bin/trap", "/proc/self/exe"}) {
    auto spec = spec_for("");
    spec.process.args = {command};
    const Error error = failure_of(spec);
    EXPECT_EQ(error.kind(), ErrorKind::kCommandNotRunnable) << error.message();
  }
}

TEST_F(CreateTest, StandardStreamsBelongToTheUser) {
  auto spec = spec_for("echo through the name > /dev/stdout");
  spec.process.user.uid = 1000;
  EXPECT_EQ(run(spec).output, "through the name\n");
}

TEST_F(CreateTest, ATerminalIsControllingAndHasItsSize) {
  auto spec = spec_for(
      "tty; stty size; test -c /dev/console && echo console; echo x > /dev/tty; ls -l /dev/pts; "
      "echo out > /dev/console");
  spec.process.terminal = true;
  spec.process.console_size = {.height = 33, .width = 99};
  const Outcome outcome = run(spec);
  EXPECT_EQ(outcome.code, 0);
  EXPECT_NE(outcome.output.find("/dev/pts/0\r\n33 99\r\nconsole\r\nx\r\n"), std::string::npos) << outcome.output;
  EXPECT_NE(outcome.output.find("out\r\n"), std::string::npos) << outcome.output;
}

TEST_F(CreateTest, ATerminalOfAnotherUserCanBeOpened) {
  auto spec = spec_for("echo mine > $(tty)");
  spec.process.terminal = true;
  spec.process.user = {.uid = 1000, .gid = 1000};
  EXPECT_NE(run(spec).output.find("mine\r\n"), std::string::npos);
}

TEST_F(CreateTest, InitWaitsForStart) {
  auto spec = spec_for("echo ran > /tmp/ran");
  auto created = create({.spec = spec, .seccomp = SeccompSource::kDefault});
  ASSERT_TRUE(created);
  EXPECT_EQ(::waitid(P_PID, static_cast<id_t>(created->pid()), nullptr, WEXITED | WNOHANG | WNOWAIT), 0);
  EXPECT_FALSE(sys::exists(in_root("/tmp/ran")));
  ASSERT_TRUE(start(*created));
  EXPECT_EQ(start(*created).error().kind(), ErrorKind::kConflict);
  EXPECT_EQ(created->init().wait()->code, 0);
  EXPECT_TRUE(sys::exists(in_root("/tmp/ran")));
}

TEST_F(CreateTest, AContainerThatIsGivenUpEnds) {
  auto spec = spec_for("true");
  pid_t pid = 0;
  {
    auto created = create({.spec = spec});
    ASSERT_TRUE(created);
    pid = created->pid();
  }
  EXPECT_EQ(::kill(pid, 0), -1);
}

TEST_F(CreateTest, InitEndsWithItsCreator) {
  auto spec = spec_for("true");
  sys::Pipe pipe = *sys::make_pipe();
  const pid_t creator = ::fork();
  if (creator == 0) {
    auto created = create({.spec = spec});
    if (!created) ::_exit(9);
    (void)!sys::write_all(pipe.write.get(), std::to_string(created->pid()));
    ::raise(SIGKILL);
  }
  pipe.write.reset();
  const auto pid = parse_signed(*sys::read_fd(pipe.read.get()));
  ::waitpid(creator, nullptr, 0);
  ASSERT_TRUE(pid);
  // It is init's child now; the cgroup empties.
  sys::Cgroup group = *sys::Cgroup::open(spec.linux_part.cgroups_path);
  for (int i = 0; i < 1000 && !group.processes()->empty(); ++i) ::usleep(5000);
  EXPECT_TRUE(group.processes()->empty());
}

TEST_F(CreateTest, TheNetworkIsConfiguredBeforeSysctlsAndProgram) {
  auto spec = spec_for("ls /sys/class/net; cat /proc/sys/net/ipv4/conf/all/forwarding");
  spec.linux_part.sysctl = {{"net.ipv4.conf.all.forwarding", "1"}};
  sys::Pipe pipe = *sys::make_pipe();
  int calls = 0;
  const auto configure = [&](int netns, pid_t pid) -> Result<> {
    ++calls;
    EXPECT_GE(netns, 0);
    EXPECT_GT(pid, 0);
    return {};
  };
  auto created =
      create({.spec = spec, .stdio = {-1, pipe.write.get(), pipe.write.get()}, .configure_network = configure});
  ASSERT_TRUE(created) << created.error().message();
  ASSERT_TRUE(start(*created));
  pipe.write.reset();
  EXPECT_NE(sys::read_fd(pipe.read.get())->find("lo\n1\n"), std::string::npos);
  (void)created->init().wait();
  EXPECT_EQ(calls, 1);

  auto refused = create({.spec = spec_for("true"), .configure_network = [](int, pid_t) -> Result<> {
                           return error(ErrorKind::kConflict, "no address is free");
                         }});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message(), "no address is free");
}

TEST_F(CreateTest, DestroyKillsAndRemovesTheCgroupAndMayBeRepeated) {
  auto spec = spec_for("sleep 1000 & sleep 1000");
  running(spec);
  EXPECT_TRUE(destroy_cgroup(spec.linux_part.cgroups_path));
  EXPECT_TRUE(sys::Cgroup::open(spec.linux_part.cgroups_path)->empty());
  EXPECT_TRUE(destroy_cgroup(spec.linux_part.cgroups_path));
}

}  // namespace
}  // namespace strata::runtime
