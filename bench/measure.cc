// Times whole commands beside each other: every round runs each of them once, so that a machine whose speed
// drifts slows them all. Prints medians, minima and how many times slower than the first each is.
//
//   bench-measure ROUNDS < lines      a line: NAME <TAB> COMMAND [<TAB> shell command run before it, not timed]
//
// COMMAND is split at spaces and executed without a shell, its output thrown away; a failure ends the bench.
#include <fcntl.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <iostream>
#include <string>
#include <vector>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/process.h"
#include <fmt/core.h>

namespace {

using strata::Result;

struct Contestant {
  std::string name;
  std::vector<std::string> command;
  std::string prepare;
  std::vector<double> milliseconds;
};

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  for (const std::string_view directory : strata::split(path == nullptr ? "" : path, ':')) {
    std::string candidate = std::string(directory) + "/" + name;
    if (strata::sys::exists(candidate)) return candidate;
  }
  return name;
}

Result<double> timed(const Contestant& contestant, int null) {
  if (!contestant.prepare.empty()) {
    auto shell = TRY(strata::sys::spawn(
        {.program = "/bin/sh", .arguments = {"sh", "-c", contestant.prepare}, .fds = {{null, 0}, {null, 1}, {2, 2}}}));
    TRY(shell.wait());
  }
  const auto begin = std::chrono::steady_clock::now();
  auto child = TRY(strata::sys::spawn({.program = find_program(contestant.command[0]),
                                       .arguments = contestant.command,
                                       .fds = {{null, 0}, {null, 1}, {2, 2}}}));
  const auto status = TRY(child.wait());
  const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
  if (status.shell_code() != 0)
    return strata::error(strata::ErrorKind::kIo, "{}: exit code {}", contestant.name, status.shell_code());
  return took.count();
}

Result<> measure(std::vector<Contestant>& contestants, int rounds) {
  const auto null = TRY(strata::sys::open_file("/dev/null", O_RDWR));
  for (int round = -1; round < rounds; ++round) {  // the first is a warm-up
    for (Contestant& contestant : contestants) {
      const double took = TRY(timed(contestant, null.get()));
      if (round >= 0) contestant.milliseconds.push_back(took);
    }
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? std::atoi(argv[1]) : 10;
  std::vector<Contestant> contestants;
  for (std::string line; std::getline(std::cin, line);) {
    const auto fields = strata::split(line, '\t');
    if (fields.size() < 2) continue;
    Contestant contestant;
    contestant.name = fields[0];
    for (const std::string_view word : strata::split(fields[1], ' '))
      if (!word.empty()) contestant.command.emplace_back(word);
    if (fields.size() > 2) contestant.prepare = fields[2];
    contestants.push_back(std::move(contestant));
  }
  if (const Result<> done = measure(contestants, rounds); !done) {
    fmt::print(stderr, "bench-measure: {}\n", done.error().message());
    return 1;
  }
  double first = 0;
  for (Contestant& contestant : contestants) {
    std::ranges::sort(contestant.milliseconds);
    const double median = contestant.milliseconds[contestant.milliseconds.size() / 2];
    if (first == 0) first = median;
    fmt::print("| {} | {:.1f} | {:.1f} | {:.2f} |\n", contestant.name, median, contestant.milliseconds.front(),
               median / first);
  }
  return 0;
}
