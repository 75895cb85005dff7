#include "containers/rootfs_user.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::containers {
namespace {

class RootfsUsers : public testing::Test {
 protected:
  void SetUp() override {
    root_ = dir_.path();
    ASSERT_TRUE(sys::make_directories(root_ + "/etc"));
    write("/etc/passwd",
          "# comment\n\nroot:x:0:0:root:/root:/bin/bash\nbroken\nweb:x:33:34:www:/var/www:/bin/sh\n"
          "77:x:5077:5077::/seven:/bin/sh\nnohome:x:40:40\nhuge:x:99999999999:1:::\nrel:x:41:41::relative:\n");
    write("/etc/group", "root:x:0:\nwww:x:34:\nssl:x:110:web,other\nadm:x:4:web\nbad:x:y:web\nshort\n88:x:5088:\n");
    fd_ = *sys::open_file(root_, O_PATH | O_DIRECTORY);
  }
  void write(const std::string& path, const std::string& text) { ASSERT_TRUE(sys::replace_file(root_ + path, text)); }
  Result<RootfsUser> resolve(std::string_view user) { return resolve_user(fd_.get(), user); }

  sys::TempDir dir_ = *sys::TempDir::create("/tmp");
  std::string root_;
  sys::UniqueFd fd_;
};

TEST_F(RootfsUsers, AreFoundByNameAndNumber) {
  struct Case {
    const char* user;
    uid_t uid;
    gid_t gid;
    std::vector<gid_t> groups;
    const char* home;
  };
  const Case cases[] = {
      {"", 0, 0, {0}, "/root"},
      {"root", 0, 0, {0}, "/root"},
      {"web", 33, 34, {34, 110, 4}, "/var/www"},
      {"33", 33, 34, {34, 110, 4}, "/var/www"},
      {"web:ssl", 33, 110, {110}, "/var/www"},
      {"web:4321", 33, 4321, {4321}, "/var/www"},
      {":ssl", 0, 110, {110}, "/root"},
      {"1234", 1234, 0, {0}, "/"},
      {"1234:55", 1234, 55, {55}, "/"},
      {"77", 5077, 5077, {5077}, "/seven"},  // a name of digits comes before the number
      {"web:88", 33, 5088, {5088}, "/var/www"},
      {"nohome", 40, 40, {40}, "/"},
      {"rel", 41, 41, {41}, "/"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.user);
    const Result<RootfsUser> user = resolve(c.user);
    ASSERT_TRUE(user) << user.error().message();
    EXPECT_EQ(user->uid, c.uid);
    EXPECT_EQ(user->gid, c.gid);
    EXPECT_EQ(user->groups, c.groups);
    EXPECT_EQ(user->home, c.home);
  }
}

TEST_F(RootfsUsers, ThatAreMissingAreNamed) {
  EXPECT_EQ(resolve("nobody").error().message(), "unable to find user nobody: no matching entries in passwd file");
  EXPECT_EQ(resolve("web:none").error().message(), "unable to find group none: no matching entries in group file");
  EXPECT_EQ(resolve("2147483648").error().message(), "uids and gids must be in range 0-2147483647");
  EXPECT_FALSE(resolve("huge"));
}

TEST_F(RootfsUsers, NeedNoFiles) {
  ASSERT_TRUE(sys::remove_tree(root_ + "/etc"));
  EXPECT_EQ(resolve("")->uid, 0u);
  EXPECT_EQ(resolve("12:13")->gid, 13u);
  EXPECT_FALSE(resolve("web"));
}

TEST_F(RootfsUsers, AreReadInsideTheRootOnly) {
  // "hostonly" exists only in a passwd file outside of the root, at the path that the link names.
  sys::TempDir outside = *sys::TempDir::create("/tmp");
  ASSERT_TRUE(sys::replace_file(outside.path() + "/passwd", "hostonly:x:7:7::/:\n"));
  for (const std::string& target : {outside.path() + "/passwd", "../../../../.." + outside.path() + "/passwd"}) {
    ASSERT_TRUE(sys::remove_file(root_ + "/etc/passwd"));
    ASSERT_EQ(::symlink(target.c_str(), (root_ + "/etc/passwd").c_str()), 0);
    EXPECT_FALSE(resolve("hostonly")) << target;
    EXPECT_EQ(resolve("5")->uid, 5u);
  }
  ASSERT_TRUE(sys::remove_file(root_ + "/etc/passwd"));
  ASSERT_EQ(::symlink("passwd", (root_ + "/etc/passwd").c_str()), 0);  // a loop
  EXPECT_EQ(resolve("5")->uid, 5u);
}

TEST_F(RootfsUsers, DoNotHangOnAFifo) {
  ASSERT_TRUE(sys::remove_file(root_ + "/etc/passwd"));
  ASSERT_EQ(::mkfifo((root_ + "/etc/passwd").c_str(), 0644), 0);
  EXPECT_EQ(resolve("web").error().message(), "/etc/passwd of the image is no regular file");
}

TEST_F(RootfsUsers, RefuseAHugeFile) {
  ASSERT_EQ(::truncate((root_ + "/etc/passwd").c_str(), 1 << 30), 0);
  EXPECT_EQ(resolve("web").error().kind(), ErrorKind::kResourceExhausted);
}

}  // namespace
}  // namespace strata::containers
