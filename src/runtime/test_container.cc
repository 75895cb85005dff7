#include "runtime/test_container.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sys/capability.h"
#include "sys/cgroup.h"
#include "sys/file.h"

namespace strata::runtime {
namespace {

constexpr const char* kBusybox = "/bin/busybox";

std::string read_to_end(int fd) {
  std::string text;
  char buffer[4096];
  ssize_t size;
  while ((size = ::read(fd, buffer, sizeof buffer)) > 0 || (size < 0 && errno == EINTR))
    if (size > 0) text.append(buffer, static_cast<std::size_t>(size));
  return text;
}

}  // namespace

ContainerTest::ContainerTest()
    : root_(*sys::TempDir::create("/tmp", "runtime-test.")), cgroup_("/strata-test-" + sys::random_hex(6)) {
  ::chmod(root_.path().c_str(), 0755);
}

void ContainerTest::SetUp() {
  if (::geteuid() != 0) GTEST_SKIP() << "containers need root for now";
  if (!sys::exists(kBusybox)) GTEST_SKIP() << "needs Debian's busybox-static";
  populate(root());
}

void ContainerTest::TearDown() {
  for (Created& container : running_) {
    (void)container.init().kill(SIGKILL);
    (void)container.init().wait();
  }
  running_.clear();
  auto group = *sys::Cgroup::open(cgroup_);
  EXPECT_TRUE(group.processes()->empty());
  EXPECT_TRUE(group.kill_all());
  EXPECT_TRUE(group.remove());
  // Nothing of ours is left to be waited for.
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
}

void ContainerTest::populate(const std::string& directory) {
  for (const char* name : {"/bin", "/etc", "/tmp", "/srv"}) ASSERT_TRUE(sys::make_directories(directory + name));
  const sys::UniqueFd from = *sys::open_file(kBusybox, O_RDONLY);
  const sys::UniqueFd to = *sys::open_file(directory + "/bin/busybox", O_WRONLY | O_CREAT, 0755);
  ASSERT_TRUE(sys::copy_range(from.get(), 0, to.get(), static_cast<std::uint64_t>(sys::stat_fd(from.get())->st_size)));
  for (const char* command : {"sh",   "cat",  "ls",    "id",     "mount",    "echo",   "sleep",  "mknod",   "hostname",
                              "stat", "grep", "touch", "umount", "readlink", "ulimit", "chroot", "unshare", "kill",
                              "tty",  "stty", "head",  "mkdir",  "ps",       "dd",     "ln",     "rm",      "chown",
                              "wc",   "env",  "pwd",   "test",   "ifconfig", "true",   "false"})
    ASSERT_EQ(::symlink("busybox", (directory + "/bin/" + command).c_str()), 0) << command;
}

void ContainerTest::set_capabilities(oci::Process& process, const std::vector<std::string>& names) {
  process.capabilities.bounding = process.capabilities.effective = process.capabilities.permitted = names;
}

oci::RuntimeSpec ContainerTest::spec_for(std::string_view script) {
  using enum oci::NamespaceType;
  oci::RuntimeSpec spec;
  spec.root.path = root();
  spec.process.args = {"sh", "-c", std::string(script)};
  spec.process.env = {"PATH=/usr/bin:/bin"};
  set_capabilities(spec.process, {"CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FSETID", "CAP_FOWNER", "CAP_MKNOD",
                                  "CAP_NET_RAW", "CAP_SETGID", "CAP_SETUID", "CAP_SETFCAP", "CAP_SETPCAP",
                                  "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT", "CAP_KILL", "CAP_AUDIT_WRITE"});
  spec.hostname = "box";
  spec.mounts = {
      {"/proc", "proc", "proc", {"nosuid", "noexec", "nodev"}},
      {"/dev", "tmpfs", "tmpfs", {"nosuid", "strictatime", "mode=755", "size=65536k"}},
      {"/dev/pts", "devpts", "devpts", {"nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"}},
      {"/sys", "sysfs", "sysfs", {"nosuid", "noexec", "nodev", "ro"}},
      {"/sys/fs/cgroup", "cgroup", "cgroup", {"ro", "nosuid", "noexec", "nodev"}},
      {"/dev/mqueue", "mqueue", "mqueue", {"nosuid", "noexec", "nodev"}},
      {"/dev/shm", "tmpfs", "shm", {"nosuid", "noexec", "nodev", "mode=1777", "size=65536k"}},
  };
  spec.linux_part.namespaces = {{kMount, ""}, {kPid, ""}, {kUts, ""}, {kIpc, ""}, {kCgroup, ""}, {kNetwork, ""}};
  spec.linux_part.cgroups_path = cgroup_ + "/" + std::to_string(containers_++);
  spec.linux_part.masked_paths = {"/proc/acpi",       "/proc/interrupts", "/proc/kcore",   "/proc/keys",
                                  "/proc/timer_list", "/proc/scsi",       "/sys/firmware", "/proc/no_such_file"};
  spec.linux_part.readonly_paths = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"};
  spec.linux_part.resources.devices = {{.allow = false}};
  return spec;
}

Outcome ContainerTest::run(const oci::RuntimeSpec& spec, SeccompSource seccomp) {
  sys::Pipe pipe = *sys::make_pipe();
  auto created = create({.spec = spec, .stdio = {-1, pipe.write.get(), pipe.write.get()}, .seccomp = seccomp});
  if (!created) {
    ADD_FAILURE() << created.error().message();
    return {};
  }
  const auto started = start(*created);
  pipe.write.reset();
  if (!started) {
    ADD_FAILURE() << started.error().message();
    return {};
  }
  Outcome outcome;
  outcome.output = read_to_end(created->terminal() ? created->terminal().get() : pipe.read.get());
  outcome.code = created->init().wait()->shell_code();
  const auto destroyed = destroy_cgroup(spec.linux_part.cgroups_path);
  EXPECT_TRUE(destroyed) << destroyed.error().message();
  return outcome;
}

Error ContainerTest::failure_of(const oci::RuntimeSpec& spec) {
  auto created = create({.spec = spec, .seccomp = SeccompSource::kDefault});
  if (!created) return created.error();
  if (auto started = start(*created); !started) {
    EXPECT_TRUE(destroy_cgroup(spec.linux_part.cgroups_path));
    return started.error();
  }
  ADD_FAILURE() << "it runs";
  running_.push_back(std::move(*created));
  return Error(ErrorKind::kInternal, "it runs");
}

Created& ContainerTest::running(const oci::RuntimeSpec& spec) {
  auto created = create({.spec = spec, .seccomp = SeccompSource::kDefault});
  if (!created) ADD_FAILURE() << created.error().message();
  const auto started = start(*created);
  if (!started) ADD_FAILURE() << started.error().message();
  running_.push_back(std::move(*created));
  return running_.back();
}

Outcome ContainerTest::exec_in(Created& container, const oci::RuntimeSpec& spec, const oci::Process& process) {
  sys::Pipe pipe = *sys::make_pipe();
  auto executed = exec({.init_pidfd = container.pidfd(),
                        .init_pid = container.pid(),
                        .container = spec,
                        .process = process,
                        .stdio = {-1, pipe.write.get(), pipe.write.get()},
                        .seccomp = SeccompSource::kDefault});
  pipe.write.reset();
  if (!executed) {
    ADD_FAILURE() << executed.error().message();
    return {};
  }
  Outcome outcome;
  outcome.output = read_to_end(executed->terminal ? executed->terminal.get() : pipe.read.get());
  outcome.code = executed->child.wait()->shell_code();
  return outcome;
}

}  // namespace strata::runtime
