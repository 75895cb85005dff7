#include "sys/spilled_memory.h"

#include <malloc.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace strata::sys {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SKIP_WITH_SANITIZERS GTEST_SKIP() << "sanitizers have an operator new of their own"
#else
#define SKIP_WITH_SANITIZERS
#endif

// In a process of its own, because it is for ever. The exit code.
int in_child(int (*work)(int fd)) {
  const pid_t child = ::fork();
  if (child == 0) {
    char name[] = "/tmp/strata-spilled-test.XXXXXX";
    const int fd = ::mkstemp(name);
    ::unlink(name);
    ::_exit(fd < 0 || !spill_memory(fd, 1 << 20) ? 100 : work(fd));
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 200 + WTERMSIG(status);
}

// Anonymous memory of this process, in bytes.
std::size_t anonymous() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;)
    if (word == "RssAnon:") {
      std::size_t kilobytes = 0;
      status >> kilobytes;
      return kilobytes << 10;
    }
  return 0;
}

TEST(SpilledMemory, KeepsWhatIsWrittenAndTakesLittleOfTheOrdinaryKind) {
  SKIP_WITH_SANITIZERS;
  EXPECT_EQ(in_child([](int) {
              const std::size_t before = anonymous();
              std::vector<std::vector<std::uint32_t>> lists;
              std::map<std::string, std::string> map;
              for (std::uint32_t i = 0; i < 200'000; ++i) {
                lists.emplace_back(i % 97, i);
                if (i % 10 == 0) map[std::to_string(i) + std::string(i % 300, 'k')] = std::string(i % 5000, 'v');
                if (i % 3 == 0) std::vector<std::uint32_t>().swap(lists[i / 2]);
              }
              if (anonymous() > before + 3 * kKeptMemory) return 1;
              for (std::uint32_t i = 0; i < lists.size(); ++i)
                for (const std::uint32_t value : lists[i])
                  if (value != i) return 2;
              for (const auto& [key, value] : map)
                if (value != std::string(std::stoul(key) % 5000, 'v')) return 3;
              return 0;
            }),
            0);
}

TEST(SpilledMemory, TheFileIsCutInTheEnd) {
  SKIP_WITH_SANITIZERS;
  EXPECT_EQ(in_child([](int fd) {
              std::vector<std::vector<char>> lists;
              for (int i = 0; i < 1000; ++i) lists.emplace_back(10'000, 'x');
              if (::pwrite(fd, "index", 5, 0) != 5 || ::lseek(fd, 0, SEEK_DATA) != 0) return 1;
              if (!end_with_spilled_memory(5)) return 2;
              return ::lseek(fd, 0, SEEK_END) == 5 ? ::_exit(0), 0 : 3;
            }),
            0);
}

}  // namespace
}  // namespace strata::sys
