// What a container's processes see: mounts, devices, masks, and root file systems that mean harm.
#include "runtime/rootfs.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/test_container.h"
#include "sys/file.h"
#include "sys/mount.h"
#include "sys/mount_attr.h"
#include <gtest/gtest.h>

namespace strata::runtime {
namespace {

class RootfsTest : public ContainerTest {
 protected:
  RootfsTest() : host_(*sys::TempDir::create("/tmp", "runtime-host.")) {
    (void)sys::make_directories(host("/dir/sub"));
    (void)sys::replace_file(host("/dir/file"), "of the host\n");
  }
  std::string host(std::string_view path) const { return host_.path() + std::string(path); }
  sys::TempDir host_;
};

TEST_F(RootfsTest, TheHostsTreeIsGone) {
  const Outcome outcome = run("ls /; mount | grep -c ' / '; cat /proc/self/mountinfo | grep -c ' /tmp/runtime-host'");
  EXPECT_EQ(outcome.output, "bin\ndev\netc\nproc\nsrv\nsys\ntmp\n1\n0\n");
}

TEST_F(RootfsTest, StandardMountsHaveTheirOptions) {
  const std::string output = run("mount").output;
  for (const char* line : {"proc on /proc type proc (rw,nosuid,nodev,noexec,relatime)",
                           "tmpfs on /dev type tmpfs (rw,nosuid,size=65536k,mode=755)",
                           "devpts on /dev/pts type devpts (rw,nosuid,noexec,relatime,gid=5,mode=620,ptmxmode=666)",
                           "sysfs on /sys type sysfs (ro,nosuid,nodev,noexec,relatime)",
                           "mqueue on /dev/mqueue type mqueue (rw,nosuid,nodev,noexec,relatime)",
                           "shm on /dev/shm type tmpfs (rw,nosuid,nodev,noexec,relatime,size=65536k)"})
    EXPECT_NE(output.find(line), std::string::npos) << line << "\n" << output;
}

TEST_F(RootfsTest, DefaultDevicesAndLinks) {
  const std::string output =
      run("cd /dev; for f in null zero full random urandom tty; do stat -c '%n %t:%T %a' $f; done; "
          "for l in fd stdin stdout stderr ptmx; do readlink $l; done")
          .output;
  EXPECT_EQ(output,
            "null 1:3 666\nzero 1:5 666\nfull 1:7 666\nrandom 1:8 666\nurandom 1:9 666\ntty 5:0 666\n"
            "/proc/self/fd\n/proc/self/fd/0\n/proc/self/fd/1\n/proc/self/fd/2\npts/ptmx\n");
}

TEST_F(RootfsTest, DevicesOfTheSpec) {
  auto spec = spec_for("stat -c '%n %F %t:%T %a %u:%g' /dev/sub/fuse /dev/pipe");
  spec.linux_part.devices = {
      {.path = "/dev/sub/fuse", .type = 'c', .major = 10, .minor = 229, .file_mode = 0640, .uid = 5, .gid = 6},
      {.path = "/dev/pipe", .type = 'p'},
      {.path = "/dev/null", .type = 'c', .major = 1, .minor = 3}};
  EXPECT_EQ(run(spec).output, "/dev/sub/fuse character special file a:e5 640 5:6\n/dev/pipe fifo 0:0 666 0:0\n");
}

TEST_F(RootfsTest, MaskedPathsAreEmpty) {
  const std::string output = run("cat /proc/interrupts | wc -c; cat /proc/timer_list | wc -c; ls /proc/acpi "
                                 "/sys/firmware; "
                                 "touch /sys/firmware/x; echo x > /proc/timer_list && echo swallowed")
                                 .output;
  EXPECT_NE(output.find("0\n0\n/proc/acpi:\n\n/sys/firmware:\n"), std::string::npos) << output;
  EXPECT_NE(output.find("Read-only file system"), std::string::npos);
  EXPECT_NE(output.find("swallowed"), std::string::npos);
}

TEST_F(RootfsTest, ReadOnlyPathsCannotBeWritten) {
  const std::string output = run("echo 0 > /proc/irq/default_smp_affinity; echo 1 > "
                                 "/proc/sys/kernel/panic; cat /proc/sys/kernel/ostype")
                                 .output;
  EXPECT_NE(output.find("affinity: Read-only file system"), std::string::npos) << output;
  EXPECT_NE(output.find("panic: Read-only file system"), std::string::npos);
  EXPECT_NE(output.find("Linux\n"), std::string::npos);
}

TEST_F(RootfsTest, AReadOnlyRootStillHasItsWritableMounts) {
  auto spec = spec_for("touch /x; touch /dev/shm/y && echo shm; echo z > /dev/null && echo null");
  spec.root.readonly = true;
  const std::string output = run(spec).output;
  EXPECT_NE(output.find("/x: Read-only file system"), std::string::npos);
  EXPECT_NE(output.find("shm\nnull\n"), std::string::npos) << output;
}

TEST_F(RootfsTest, BindsOfDirectoriesAndFiles) {
  auto spec = spec_for(
      "cat /made/up/dir/file /made/up/file; echo changed > /made/up/file; touch /srv/ro/x; ls "
      "/srv/ro");
  spec.mounts.push_back({"/made/up/dir", "bind", host("/dir"), {"rbind", "rprivate"}});
  spec.mounts.push_back({"/made/up/file", "bind", host("/dir/file"), {"bind"}});
  spec.mounts.push_back({"/srv/ro", "bind", host("/dir"), {"rbind", "ro", "rprivate"}});
  const std::string output = run(spec).output;
  EXPECT_EQ(output.find("of the host\nof the host\n"), 0u) << output;
  EXPECT_NE(output.find("Read-only file system\nfile\nsub\n"), std::string::npos) << output;
  EXPECT_EQ(*sys::read_file(host("/dir/file")), "changed\n");
}

TEST_F(RootfsTest, OptionsOfBindsApply) {
  ASSERT_TRUE(sys::replace_file(host("/dir/program"), "#!/bin/sh\necho ran\n", 0755));
  auto spec = spec_for("/srv/program; mount | grep /srv");
  spec.mounts.push_back({"/srv", "bind", host("/dir"), {"rbind", "noexec", "nosuid", "nodev", "noatime"}});
  const std::string output = run(spec).output;
  EXPECT_NE(output.find("Permission denied"), std::string::npos) << output;
  EXPECT_NE(output.find("nosuid,nodev,noexec,noatime"), std::string::npos) << output;
}

TEST_F(RootfsTest, RecursiveReadOnlyReachesMountsBelow) {
  ASSERT_EQ(::mount("tmpfs", host("/dir/sub").c_str(), "tmpfs", 0, nullptr), 0);
  auto spec = spec_for("touch /srv/sub/x && echo written");
  spec.mounts.push_back({"/srv", "bind", host("/dir"), {"rbind", "ro"}});
  EXPECT_EQ(run(spec).output, "written\n") << "plain ro is the upper mount's alone";
  spec.mounts.back().options = {"rbind", "rro"};
  EXPECT_NE(run(spec).output.find("Read-only"), std::string::npos);
  spec.mounts.back().options = {"bind"};
  spec.process.args[2] = "ls /srv/sub | wc -l";
  EXPECT_EQ(run(spec).output, "0\n") << "not recursive: what is below is not there";
  ::umount2(host("/dir/sub").c_str(), MNT_DETACH);
}

TEST_F(RootfsTest, MountsOfTheHostShowUpOnlyInSlaves) {
  ASSERT_EQ(::mount(host("/dir").c_str(), host("/dir").c_str(), nullptr, MS_BIND, nullptr), 0);
  ASSERT_EQ(::mount(nullptr, host("/dir").c_str(), nullptr, MS_SHARED, nullptr), 0);
  auto spec = spec_for(
      "while [ ! -e /tmp/go ]; do sleep 0.01; done; test -e /private/sub/late && exit 1; test -e "
      "/slave/sub/late");
  spec.mounts.push_back({"/private", "bind", host("/dir"), {"rbind", "rprivate"}});
  spec.mounts.push_back({"/slave", "bind", host("/dir"), {"rbind", "rslave"}});
  Created& container = running(spec);
  ASSERT_EQ(::mount("tmpfs", host("/dir/sub").c_str(), "tmpfs", 0, nullptr), 0);
  ASSERT_TRUE(sys::replace_file(host("/dir/sub/late"), ""));
  ASSERT_TRUE(sys::replace_file(in_root("/tmp/go"), ""));
  EXPECT_EQ(container.init().wait()->code, 0);
  running_.clear();
  ::umount2(host("/dir").c_str(), MNT_DETACH);
}

TEST_F(RootfsTest, NothingMountedInsideReachesTheHost) {
  auto spec = spec_for("mkdir -p /srv/t && mount -t tmpfs tmpfs /srv/t && touch /srv/t/inside");
  set_capabilities(spec.process, {"CAP_SYS_ADMIN"});
  EXPECT_EQ(run(spec).code, 0);
  EXPECT_FALSE(sys::exists(in_root("/srv/t/inside")));
  EXPECT_FALSE(*sys::is_mount_point(in_root("/srv/t")));
}

TEST_F(RootfsTest, ADetachedMountBecomesTheRoot) {
  auto spec = spec_for("echo detached > /tmp/x; cat /tmp/x");
  spec.root.path = "/no/such/path";
  sys::UniqueFd mount = *sys::clone_mount(root(), false);
  sys::Pipe pipe = *sys::make_pipe();
  auto created = create({.spec = spec, .rootfs_mount = mount.get(), .stdio = {-1, pipe.write.get(), -1}});
  ASSERT_TRUE(created) << created.error().message();
  ASSERT_TRUE(start(*created));
  pipe.write.reset();
  EXPECT_EQ(*sys::read_fd(pipe.read.get()), "detached\n");
  EXPECT_EQ(created->init().wait()->code, 0);
  EXPECT_TRUE(sys::exists(in_root("/tmp/x")));
}

TEST_F(RootfsTest, TmpfsTakesModeSizeAndTheDirectorysMode) {
  ASSERT_EQ(::chmod(in_root("/tmp").c_str(), 01777), 0);
  auto spec = spec_for("stat -c %a /tmp /srv/t; mount | grep /srv/t");
  spec.mounts.push_back({"/tmp", "tmpfs", "tmpfs", {"nosuid"}});
  spec.mounts.push_back({"/srv/t", "tmpfs", "tmpfs", {"size=1m", "mode=700"}});
  const std::string output = run(spec).output;
  EXPECT_EQ(output.find("1777\n700\n"), 0u) << output;
  EXPECT_NE(output.find("size=1024k"), std::string::npos) << output;
}

TEST_F(RootfsTest, MountsThatCannotBeAreErrorsWithWords) {
  const auto failure = [&](oci::Mount mount) {
    auto spec = spec_for("true");
    spec.mounts.push_back(std::move(mount));
    return failure_of(spec);
  };
  const Error missing = failure({"/srv", "bind", "/no/such/source", {"bind"}});
  EXPECT_EQ(missing.kind(), ErrorKind::kNotFound);
  EXPECT_EQ(missing.message(), "mount /srv: bind source path does not exist: /no/such/source");
  EXPECT_EQ(failure({"/srv", "bind", "relative", {"bind"}}).kind(), ErrorKind::kInvalidArgument);
  EXPECT_EQ(failure({"srv", "bind", "/etc", {"bind"}}).kind(), ErrorKind::kInvalidArgument);
  EXPECT_NE(failure({"/bin/busybox", "bind", host("/dir"), {"bind"}}).message().find("directory onto a file"),
            std::string::npos);
  EXPECT_NE(failure({"/srv", "bind", host("/dir/file"), {"bind"}}).message().find("directory onto a file"),
            std::string::npos);
  EXPECT_FALSE(failure({"/srv", "nosuchfs", "x", {}}).message().empty());
  EXPECT_NE(failure({"/srv", "tmpfs", "tmpfs", {"nonsense=1"}}).message().find("nonsense"), std::string::npos);
  EXPECT_EQ(failure({"/proc/self/fd", "bind", host("/dir"), {"bind"}}).kind(), ErrorKind::kInvalidArgument);
  EXPECT_EQ(failure({"/proc/sys", "tmpfs", "tmpfs", {}}).kind(), ErrorKind::kInvalidArgument);
}

TEST_F(RootfsTest, FilesOfProcThatToolsReplaceMayBeReplaced) {
  auto spec = spec_for("cat /proc/meminfo");
  spec.mounts.push_back({"/proc/meminfo", "bind", host("/dir/file"), {"bind"}});
  EXPECT_EQ(run(spec).output, "of the host\n");
}

// ---- root file systems that mean harm

TEST_F(RootfsTest, SymlinkedProcAndSysAreRefused) {
  for (const char* name : {"/proc", "/sys"}) {
    sys::TempDir hostile = *sys::TempDir::create("/tmp", "runtime-hostile.");
    populate(hostile.path());
    ASSERT_EQ(::symlink("/tmp", (hostile.path() + name).c_str()), 0);
    auto spec = spec_for("true");
    spec.root.path = hostile.path();
    EXPECT_NE(failure_of(spec).message().find("symlink"), std::string::npos) << name;
  }
}

TEST_F(RootfsTest, LinksOutOfTheRootLandInside) {
  ASSERT_EQ(::symlink(host_.path().c_str(), in_root("/dev").c_str()), 0);
  ASSERT_EQ(::symlink("../../../../../../../../etc/cron.d", in_root("/out").c_str()), 0);
  ASSERT_TRUE(sys::remove_tree(in_root("/etc")));
  ASSERT_EQ(::symlink("/srv/../../srv/etc", in_root("/etc").c_str()), 0);
  auto spec = spec_for("echo x > /dev/null && ls /etc; ls /out");
  spec.mounts.push_back({"/etc/hosts", "bind", host("/dir/file"), {"bind"}});
  spec.mounts.push_back({"/out/deep", "bind", host("/dir"), {"bind"}});
  const Outcome outcome = run(spec);
  EXPECT_EQ(outcome.output, "cron.d\nhosts\ndeep\n");
  EXPECT_FALSE(sys::exists(host("/null"))) << "nodes went to the host";
  EXPECT_FALSE(sys::exists("/srv/etc/hosts"));
  EXPECT_FALSE(sys::exists("/etc/cron.d/deep"));
  EXPECT_TRUE(sys::exists(in_root("/srv/etc/hosts"))) << "the link's target inside the root";
}

TEST_F(RootfsTest, DevFilesOfTheImageAreCovered) {
  ASSERT_TRUE(sys::make_directories(in_root("/dev/pts")));
  ASSERT_TRUE(sys::replace_file(in_root("/dev/null"), "trap"));
  ASSERT_EQ(::symlink("/etc/passwd", in_root("/dev/console").c_str()), 0);
  auto spec = spec_for("cat /dev/null | wc -c; test -c /dev/console && echo device");
  spec.process.terminal = true;
  EXPECT_EQ(run(spec).output, "0\r\ndevice\r\n");
}

TEST_F(RootfsTest, WithoutATmpfsTheImagesOwnDevIsNotTrusted) {
  ASSERT_TRUE(sys::make_directories(in_root("/dev")));
  ASSERT_TRUE(sys::replace_file(in_root("/dev/null"), "trap"));
  auto spec = spec_for("true");
  std::erase_if(spec.mounts, [](const oci::Mount& mount) { return mount.destination.starts_with("/dev"); });
  EXPECT_NE(failure_of(spec).message().find("null"), std::string::npos);
}

TEST_F(RootfsTest, AMaskedLinkOfTheImageMasksInsideOnly) {
  ASSERT_EQ(::symlink("/etc/../../../../etc/passwd", in_root("/secret").c_str()), 0);
  ASSERT_TRUE(sys::replace_file(in_root("/etc/passwd"), "inside\n"));
  auto spec = spec_for("cat /etc/passwd | wc -c");
  spec.linux_part.masked_paths.push_back("/secret");
  EXPECT_EQ(run(spec).output, "0\n");
  EXPECT_GT(sys::read_file("/etc/passwd")->size(), 0u);
}

}  // namespace
}  // namespace strata::runtime
