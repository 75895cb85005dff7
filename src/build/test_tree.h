// Directories for tests: files by name and content.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>

#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::build {

class TestTree {
 public:
  TestTree() : dir_(sys::TempDir::create("/tmp", "build-test.").value()) {}

  std::string path(const std::string& name = "") const { return name.empty() ? dir_.path() : dir_.path() + "/" + name; }
  void directory(const std::string& name, mode_t mode = 0755) {
    ASSERT_TRUE(sys::make_directories(path(name)));
    ASSERT_EQ(::chmod(path(name).c_str(), mode), 0);
  }
  void file(const std::string& name, const std::string& content = "", mode_t mode = 0644) {
    ASSERT_TRUE(sys::make_directories(path(name.substr(0, name.rfind('/') + 1))));
    ASSERT_TRUE(sys::replace_file(path(name), content));
    ASSERT_EQ(::chmod(path(name).c_str(), mode), 0);
    set_time(name, 1'000'000'000);
  }
  void symlink(const std::string& name, const std::string& target) {
    ASSERT_EQ(::symlink(target.c_str(), path(name).c_str()), 0);
  }
  void link(const std::string& name, const std::string& target) {
    ASSERT_EQ(::link(path(target).c_str(), path(name).c_str()), 0);
  }
  void set_time(const std::string& name, time_t seconds, long nanoseconds = 0) {
    const timespec times[2] = {{seconds, nanoseconds}, {seconds, nanoseconds}};
    ASSERT_EQ(::utimensat(AT_FDCWD, path(name).c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
  }
  sys::UniqueFd open() const { return sys::open_file(path(), O_PATH | O_DIRECTORY).value(); }

 private:
  sys::TempDir dir_;
};

}  // namespace strata::build
