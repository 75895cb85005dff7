#include "sys/tree_copy.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::sys {
namespace {

TEST(TreeCopy, KeepsWhatBelongsToFiles) {
  TempDir dir = *TempDir::create("/tmp");
  const std::string from = dir.path() + "/from", to = dir.path() + "/to";
  ASSERT_TRUE(make_directories(from + "/sub/deep"));
  ASSERT_TRUE(make_directories(to));
  ASSERT_TRUE(replace_file(from + "/sub/file", "hello"));
  ASSERT_EQ(::link((from + "/sub/file").c_str(), (from + "/again").c_str()), 0);
  ASSERT_EQ(::symlink("/etc/passwd", (from + "/link").c_str()), 0);
  ASSERT_EQ(::mkfifo((from + "/fifo").c_str(), 0600), 0);
  ASSERT_EQ(::chmod((from + "/sub").c_str(), 01751), 0);
  ASSERT_EQ(::setxattr((from + "/sub").c_str(), "user.note", "x", 1, 0), 0);
  {
    UniqueFd sparse = *open_file(from + "/sparse", O_WRONLY | O_CREAT);
    ASSERT_TRUE(pwrite_all(sparse.get(), std::as_bytes(std::span("end", 3)), 50 << 20));
  }
  const struct timespec times[2] = {{1, 2}, {3, 4}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (from + "/sub/file").c_str(), times, 0), 0);

  ASSERT_TRUE(copy_tree(open_file(from, O_RDONLY)->get(), open_file(to, O_RDONLY)->get()));

  EXPECT_EQ(*read_file(to + "/sub/file"), "hello");
  const struct stat file = *lstat_path(to + "/sub/file");
  EXPECT_EQ(file.st_mtim.tv_sec, 3);
  EXPECT_EQ(file.st_mtim.tv_nsec, 4);
  EXPECT_EQ(file.st_ino, lstat_path(to + "/again")->st_ino);
  EXPECT_TRUE(S_ISLNK(lstat_path(to + "/link")->st_mode));
  EXPECT_TRUE(S_ISFIFO(lstat_path(to + "/fifo")->st_mode));
  EXPECT_EQ(lstat_path(to + "/sub")->st_mode & 07777, 01751u);
  EXPECT_EQ(::getxattr((to + "/sub").c_str(), "user.note", nullptr, 0), 1);
  const struct stat sparse = *lstat_path(to + "/sparse");
  EXPECT_EQ(sparse.st_size, (50 << 20) + 3);
  EXPECT_LT(sparse.st_blocks * 512, 1 << 20);
}

TEST(TreeCopy, DoesNotFollowALinkInTheTarget) {
  TempDir dir = *TempDir::create("/tmp");
  for (const char* name : {"/from/sub", "/to", "/outside"}) ASSERT_TRUE(make_directories(dir.path() + name));
  ASSERT_TRUE(replace_file(dir.path() + "/from/sub/file", "x"));
  ASSERT_EQ(::symlink((dir.path() + "/outside").c_str(), (dir.path() + "/to/sub").c_str()), 0);
  EXPECT_FALSE(
      copy_tree(open_file(dir.path() + "/from", O_RDONLY)->get(), open_file(dir.path() + "/to", O_RDONLY)->get()));
  EXPECT_TRUE(list_directory(dir.path() + "/outside")->empty());
}

}  // namespace
}  // namespace strata::sys
