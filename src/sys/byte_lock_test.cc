#include "sys/byte_lock.h"

#include <sys/wait.h>
#include <unistd.h>

#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::sys {
namespace {

TEST(ByteLock, ExcludesTheSameByteOnlyAndEndsWithItsOwner) {
  TempDir dir = *TempDir::create("/tmp");
  const std::string path = dir.path() + "/locks";
  std::optional<ByteLock> first = *ByteLock::try_acquire(path, 7);
  ASSERT_TRUE(first);
  EXPECT_FALSE(*ByteLock::try_acquire(path, 7));
  EXPECT_TRUE(*ByteLock::try_acquire(path, UINT64_MAX));
  first.reset();
  EXPECT_TRUE(*ByteLock::try_acquire(path, 7));
}

TEST(ByteLock, IsHeldByAForkedChildThatKeepsTheDescriptor) {
  TempDir dir = *TempDir::create("/tmp");
  const std::string path = dir.path() + "/locks";
  Pipe quit = *make_pipe();
  std::optional<ByteLock> lock = *ByteLock::try_acquire(path, 7);
  const pid_t child = fork();
  if (child == 0) {
    quit.write.reset();
    char byte;
    _exit(::read(quit.read.get(), &byte, 1) == 0 ? 0 : 1);
  }
  lock.reset();
  EXPECT_FALSE(*ByteLock::try_acquire(path, 7));
  quit.write.reset();
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(*ByteLock::try_acquire(path, 7));
}

}  // namespace
}  // namespace strata::sys
