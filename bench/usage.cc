// What a command costs: bench-usage FILE COMMAND [ARG…] appends "WALL_MS CPU_MS PEAK_MB" to FILE.
//
// WALL is the command's own end; CPU is that of it and of all its descendants, also those that outlive it (we are
// their subreaper, and wait for them); PEAK is the largest sum of their PSS, looked at every few milliseconds, so a
// shorter peak is missed. What keeps running is not waited for longer than 20 seconds.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <fmt/core.h>

namespace {

using Clock = std::chrono::steady_clock;

double milliseconds(Clock::duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

std::error_code gone;  // processes end while we look; nobody asks

std::uint64_t pss_kilobytes(pid_t pid) {
  std::ifstream file(fmt::format("/proc/{}/smaps_rollup", pid));
  for (std::string line; std::getline(file, line);)
    if (line.starts_with("Pss:")) return std::strtoull(line.c_str() + 4, nullptr, 10);
  return 0;
}

std::uint64_t pss_of_descendants(pid_t pid) {
  std::uint64_t sum = 0;
  for (const auto& thread : std::filesystem::directory_iterator(fmt::format("/proc/{}/task", pid), gone)) {
    std::ifstream file(thread.path() / "children");
    for (pid_t child; file >> child;) sum += pss_kilobytes(child) + pss_of_descendants(child);
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  const auto begin = Clock::now();
  const pid_t main_child = fork();
  if (main_child == 0) {
    execvp(argv[2], argv + 2);
    std::perror(argv[2]);
    _exit(127);
  }
  std::uint64_t peak = 0;
  double wall = 0;
  int status = 0;
  bool ended = false;
  for (auto last_scan = begin - std::chrono::seconds(1);;) {
    int one = 0;
    const pid_t pid = waitpid(-1, &one, WNOHANG);
    if (pid == main_child) {
      wall = milliseconds(Clock::now() - begin);
      status = one;
      ended = true;
    }
    if (pid > 0) continue;
    if (pid < 0) break;
    if (ended && Clock::now() - begin > std::chrono::seconds(20)) break;
    if (!ended && Clock::now() - last_scan > std::chrono::milliseconds(5)) {
      last_scan = Clock::now();
      peak = std::max(peak, pss_of_descendants(getpid()));
    }
    std::this_thread::sleep_for(std::chrono::microseconds(200));
  }
  rusage used{};
  getrusage(RUSAGE_CHILDREN, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e3 + static_cast<double>(t.tv_usec) / 1e3;
  };
  std::ofstream(argv[1], std::ios::app) << fmt::format("{:.1f} {:.0f} {:.1f}\n", wall,
                                                       seconds(used.ru_utime) + seconds(used.ru_stime),
                                                       static_cast<double>(peak) / 1024);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
