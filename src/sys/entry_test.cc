#include "sys/entry.h"

#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::sys {
namespace {

TEST(Entry, IsSeenWithoutFollowingSymlinks) {
  const auto dir = TempDir::create("/tmp").value();
  ASSERT_TRUE(replace_file(dir.path() + "/file", "hello"));
  ASSERT_EQ(::symlink("file", (dir.path() + "/link").c_str()), 0);
  const auto fd = open_file(dir.path(), O_PATH | O_DIRECTORY).value();
  EXPECT_EQ(stat_entry(fd.get(), "file")->st_size, 5);
  EXPECT_TRUE(S_ISLNK(stat_entry(fd.get(), "link")->st_mode));
  EXPECT_TRUE(S_ISDIR(stat_entry(fd.get(), "")->st_mode));
  EXPECT_EQ(read_link_entry(fd.get(), "link").value(), "file");
  EXPECT_EQ(stat_entry(fd.get(), "none").error().error_number(), ENOENT);
  EXPECT_EQ(read_link_entry(fd.get(), "file").error().error_number(), EINVAL);
}

TEST(Entry, XattrsAreReadRawAndOfTheEntryItself) {
  const auto dir = TempDir::create("/tmp").value();
  const std::string path = dir.path() + "/file";
  ASSERT_TRUE(replace_file(path, ""));
  ASSERT_EQ(::symlink("file", (dir.path() + "/link").c_str()), 0);
  const std::string value("a\0b", 3);
  if (::setxattr(path.c_str(), "user.x", value.data(), value.size(), 0) != 0) GTEST_SKIP() << "no user xattrs in /tmp";
  const auto fd = open_file(dir.path(), O_PATH | O_DIRECTORY).value();
  EXPECT_EQ(xattrs_of_entry(fd.get(), "file").value().at("user.x"), value);
  EXPECT_FALSE(xattrs_of_entry(fd.get(), "link").value().contains("user.x"));
  const auto file = open_file(path, O_PATH).value();
  EXPECT_EQ(xattrs_of_entry(file.get(), "").value().at("user.x"), value);
}

}  // namespace
}  // namespace strata::sys
