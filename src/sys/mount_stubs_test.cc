#include "sys/mount_stubs.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::sys {
namespace {

TEST(MountStubs, TakesAwayWhatIsEmptyAndNew) {
  TempDir dir = *TempDir::create("/tmp");
  const std::string root = dir.path();
  ASSERT_TRUE(make_directories(root + "/etc"));
  ASSERT_TRUE(make_directories(root + "/proc"));
  ASSERT_TRUE(replace_file(root + "/etc/hosts", ""));
  const struct timespec old[2] = {{100, 1}, {200, 2}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (root + "/etc").c_str(), old, 0), 0);
  UniqueFd fd = *open_file(root, O_PATH | O_DIRECTORY);
  const std::vector<std::string> targets = {"/etc/hosts", "/etc/resolv.conf", "/proc", "/sys/fs/cgroup",
                                            "/mnt/kept/deep"};
  const MountStubs stubs = *MountStubs::note(fd.get(), targets);
  // What the runtime makes, and what the container does besides.
  ASSERT_TRUE(replace_file(root + "/etc/resolv.conf", ""));
  ASSERT_TRUE(make_directories(root + "/sys/fs/cgroup"));
  ASSERT_TRUE(make_directories(root + "/mnt/kept/deep"));
  ASSERT_TRUE(replace_file(root + "/mnt/kept/file", "x"));
  ASSERT_TRUE(stubs.remove(fd.get()));
  EXPECT_TRUE(exists(root + "/etc/hosts"));  // empty, but it was there
  EXPECT_TRUE(exists(root + "/proc"));
  EXPECT_FALSE(exists(root + "/etc/resolv.conf"));
  EXPECT_FALSE(exists(root + "/sys"));
  EXPECT_FALSE(exists(root + "/mnt/kept/deep"));
  EXPECT_TRUE(exists(root + "/mnt/kept/file"));
  const struct stat etc = *stat_path(root + "/etc");
  EXPECT_EQ(etc.st_mtim.tv_sec, 200);
  EXPECT_EQ(etc.st_mtim.tv_nsec, 2);
}

}  // namespace
}  // namespace strata::sys
