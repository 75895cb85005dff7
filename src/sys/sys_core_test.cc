#include <unistd.h>

#include <csignal>

#include "sys/file.h"
#include "sys/file_lock.h"
#include "sys/process.h"
#include "sys/rooted_path.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::sys {
namespace {

class SysCore : public ::testing::Test {
 protected:
  TempDir dir_ = TempDir::create("/tmp", "strata-test.").value();
  std::string path(const std::string& name) { return dir_.path() + "/" + name; }
};

TEST_F(SysCore, ReplacingAFileLeavesOneFileWithTheNewContentAndMode) {
  ASSERT_TRUE(replace_file(path("f"), "one"));
  ASSERT_TRUE(replace_file(path("f"), "two", 0600));
  EXPECT_EQ(read_file(path("f")).value(), "two");
  EXPECT_EQ(stat_path(path("f"))->st_mode & 0777, 0600u);
  EXPECT_EQ(list_directory(dir_.path())->size(), 1u);
}

TEST_F(SysCore, ReadFileRefusesMoreThanItsLimit) {
  ASSERT_TRUE(replace_file(path("f"), "12345"));
  EXPECT_EQ(read_file(path("f"), 4).error().kind(), ErrorKind::kResourceExhausted);
}

TEST_F(SysCore, RemoveTreeTakesAllButNotWhatSymlinksPointTo) {
  ASSERT_TRUE(make_directories(path("tree/a/b/c")));
  ASSERT_TRUE(replace_file(path("kept"), "x"));
  ASSERT_EQ(symlink(path("kept").c_str(), path("tree/a/link").c_str()), 0);
  ASSERT_TRUE(remove_tree(path("tree")));
  ASSERT_TRUE(remove_tree(path("tree")));
  EXPECT_FALSE(exists(path("tree")));
  EXPECT_TRUE(exists(path("kept")));
}

TEST_F(SysCore, ALockIsExclusiveAndGoesWithItsOwner) {
  auto held = FileLock::acquire(path("lock")).value();
  EXPECT_FALSE(FileLock::try_acquire(path("lock")).value());
  {
    auto moved = std::move(held);
  }
  EXPECT_TRUE(FileLock::try_acquire(path("lock")).value());
}

TEST_F(SysCore, SpawnHandsOverDescriptorsAndReportsHowItEnded) {
  Pipe pipe = make_pipe().value();
  Child child = spawn({.program = "/bin/sh",
                       .arguments = {"sh", "-c", "echo $X >&7; exit 3"},
                       .environment = std::vector<std::string>{"X=hello"},
                       .fds = {{pipe.write.get(), 7}}})
                    .value();
  pipe.write.reset();
  EXPECT_EQ(read_fd(pipe.read.get()).value(), "hello\n");
  EXPECT_EQ(child.wait()->shell_code(), 3);
  Child killed = spawn({.program = "/bin/sleep", .arguments = {"sleep", "100"}}).value();
  ASSERT_TRUE(killed.kill(SIGKILL));
  EXPECT_EQ(killed.wait()->shell_code(), 137);
  EXPECT_EQ(spawn({.program = "/nonexistent", .arguments = {"x"}}).error().error_number(), ENOENT);
}

// The same outcomes with openat2(2) and, in a process of its own (CTest runs it so), without.
TEST_F(SysCore, RootedPathsNeverLeaveTheRoot) {
  ASSERT_TRUE(make_directories(path("root/usr/lib")));
  ASSERT_TRUE(replace_file(path("secret"), "outside"));
  ASSERT_TRUE(replace_file(path("root/usr/lib/f"), "inside"));
  ASSERT_EQ(symlink("/usr/lib", path("root/lib").c_str()), 0);
  ASSERT_EQ(symlink("../../../../secret", path("root/up").c_str()), 0);
  ASSERT_EQ(symlink("loop", path("root/loop").c_str()), 0);
  const UniqueFd root = open_file(path("root"), O_PATH | O_DIRECTORY).value();
  const auto content = [&](std::string_view p) -> Result<std::string> {
    const UniqueFd fd = TRY(open_in_root(root.get(), p, O_RDONLY));
    return read_fd(fd.get());
  };
  EXPECT_EQ(content("/lib/f").value(), "inside");
  EXPECT_EQ(content("../../lib/../lib/f").value(), "inside");
  EXPECT_EQ(content("up").error().error_number(), ENOENT);
  EXPECT_EQ(content("../secret").error().error_number(), ENOENT);
  EXPECT_EQ(content("loop").error().error_number(), ELOOP);
  EXPECT_EQ(open_in_root(root.get(), "lib", O_RDONLY | O_NOFOLLOW).error().error_number(), ELOOP);
  EXPECT_EQ(resolve_in_root(root.get(), "lib/f").value(), "/usr/lib/f");
  EXPECT_EQ(resolve_in_root(root.get(), "lib/none").error().error_number(), ENOENT);
  ASSERT_EQ(symlink("../run/systemd/resolv.conf", path("root/usr/dangling").c_str()), 0);
  EXPECT_EQ(resolve_new_in_root(root.get(), "usr/dangling").value(), "/run/systemd/resolv.conf");
  EXPECT_EQ(resolve_new_in_root(root.get(), "lib/a/../../x/../b/c").value(), "/usr/b/c");
  EXPECT_EQ(resolve_new_in_root(root.get(), "up").value(), "/secret");
  EXPECT_EQ(resolve_new_in_root(root.get(), "lib/f").value(), "/usr/lib/f");
  EXPECT_EQ(resolve_new_in_root(root.get(), "loop/x").error().error_number(), ELOOP);
  const UniqueFd made = make_directories_in_root(root.get(), "/lib/x/../y/z", 01777).value();
  EXPECT_EQ(stat_fd(made.get())->st_mode & 07777, 01777u);
  EXPECT_TRUE(exists(path("root/usr/lib/y/z")));
  const RootedParent parent = open_parent_in_root(root.get(), "/lib/new").value();
  EXPECT_EQ(parent.name, "new");
  EXPECT_TRUE(open_in_root(root.get(), "lib/new", O_WRONLY | O_CREAT, 0600));
  EXPECT_TRUE(exists(path("root/usr/lib/new")));
}

}  // namespace
}  // namespace strata::sys
