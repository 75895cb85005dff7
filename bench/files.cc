// Runs inside of containers, so it is static and needs nothing of the image.
//
//   bench-files read PATH…           reads every regular file below the paths, prints "MS FILES BYTES"
//   bench-files change COUNT PATH…   gives COUNT of the files new content of 1 KiB
//   bench-files hold BYTES PATH…     reads up to BYTES, prints a line, and waits to be killed
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

namespace {

// In the order of the names, which is that of the tars.
std::vector<std::string> files_below(int count, char** paths) {
  std::vector<std::string> files;
  for (int i = 0; i < count; ++i)
    for (const auto& entry : std::filesystem::recursive_directory_iterator(paths[i]))
      if (entry.is_regular_file()) files.push_back(entry.path());
  return files;
}

unsigned long long read_files(const std::vector<std::string>& files, unsigned long long limit) {
  static char buffer[256 << 10];
  unsigned long long bytes = 0;
  for (const std::string& path : files) {
    const int fd = open(path.c_str(), O_RDONLY);
    if (fd < 0) {
      std::perror(path.c_str());
      std::exit(1);
    }
    for (ssize_t count; (count = read(fd, buffer, sizeof buffer)) > 0;) bytes += static_cast<unsigned long long>(count);
    close(fd);
    if (bytes >= limit) break;
  }
  return bytes;
}

bool change_files(const std::vector<std::string>& files, std::size_t count) {
  const std::string content(1024, 'x');
  for (std::size_t i = 0; i < std::min(count, files.size()); ++i) {
    const int fd = open(files[i].c_str(), O_WRONLY | O_TRUNC);
    if (fd < 0 || write(fd, content.data(), content.size()) != static_cast<ssize_t>(content.size())) return false;
    close(fd);
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) return 2;
  const std::string verb = argv[1];
  if (verb == "read") {
    const auto begin = std::chrono::steady_clock::now();
    const auto files = files_below(argc - 2, argv + 2);
    const auto bytes = read_files(files, ~0ULL);
    const std::chrono::duration<double, std::milli> took = std::chrono::steady_clock::now() - begin;
    std::printf("%.1f %zu %llu\n", took.count(), files.size(), bytes);
    return 0;
  }
  if (argc < 4) return 2;
  const auto files = files_below(argc - 3, argv + 3);
  const auto amount = std::strtoull(argv[2], nullptr, 10);
  if (verb == "change") return change_files(files, amount) ? 0 : 1;
  if (verb != "hold") return 2;
  std::printf("%llu\n", read_files(files, amount));
  std::fflush(stdout);
  for (;;) pause();
}
