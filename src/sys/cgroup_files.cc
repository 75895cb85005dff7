#include "sys/cgroup_files.h"

#include <dirent.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/strings.h"
#include "sys/file.h"

namespace strata::sys {
namespace {

bool closed_to_us(int error_number) { return error_number == EROFS || error_number == EACCES || error_number == EPERM; }

// list_directory() would sort and stat; groups hold dozens of files and mostly no directory.
std::vector<std::string> subgroups(const std::string& directory) {
  std::vector<std::string> result;
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::opendir(directory.c_str()), ::closedir);
  if (!stream) return result;
  while (const dirent* entry = ::readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (entry->d_type == DT_DIR && name != "." && name != "..") result.push_back(directory + "/" + std::string(name));
  }
  return result;
}

}  // namespace

Result<bool> make_group(const std::string& root, const std::string& path) {
  const std::string whole = root + path;
  if (::mkdir(whole.c_str(), 0755) == 0 || errno == EEXIST) return true;
  if (closed_to_us(errno)) return false;
  if (errno != ENOENT) return error_from(errno, "create cgroup {}", whole);
  for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const std::string part = root + path.substr(0, slash);
    if (::mkdir(part.c_str(), 0755) == 0 || errno == EEXIST) continue;
    if (closed_to_us(errno)) return false;
    return error_from(errno, "create cgroup {}", part);
  }
  if (::mkdir(whole.c_str(), 0755) == 0 || errno == EEXIST) return true;
  return error_from(errno, "create cgroup {}", whole);
}

Result<> remove_group(const std::string& directory) {
  // A process that was killed and reaped leaves its groups a moment later.
  constexpr int kAttempts = 60;
  long pause_ns = 50'000;
  for (int attempt = 0;; ++attempt) {
    if (::rmdir(directory.c_str()) == 0 || errno == ENOENT) return {};
    if (errno != EBUSY && errno != ENOTEMPTY) return error_from(errno, "remove cgroup {}", directory);
    for (const std::string& below : subgroups(directory)) TRY(remove_group(below));
    if (attempt == kAttempts) return error(ErrorKind::kConflict, "cgroup {} still holds processes", directory);
    const timespec pause{0, pause_ns};
    ::nanosleep(&pause, nullptr);
    if (pause_ns < 5'000'000) pause_ns *= 2;
  }
}

Result<std::vector<pid_t>> group_processes(const std::string& directory) {
  std::vector<pid_t> pids;
  const auto text = read_file(directory + "/cgroup.procs");
  if (!text) {
    if (text.error().error_number() == ENOENT || text.error().error_number() == ENODEV) return pids;
    return text.error();
  }
  for (const std::string_view line : split(*text, '\n'))
    if (const auto pid = parse_signed(line)) pids.push_back(static_cast<pid_t>(*pid));
  for (const std::string& below : subgroups(directory)) {
    const auto more = TRY(group_processes(below));
    pids.insert(pids.end(), more.begin(), more.end());
  }
  return pids;
}

std::optional<std::uint64_t> number_in(const std::string& path) {
  const auto text = read_file(path);
  if (!text) return std::nullopt;
  return parse_unsigned(trim(*text));
}

std::optional<std::uint64_t> number_in(const std::string& path, std::string_view key) {
  const auto text = read_file(path);
  if (!text) return std::nullopt;
  for (const std::string_view line : split(*text, '\n'))
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return parse_unsigned(trim(line.substr(key.size())));
  return std::nullopt;
}

std::string limit_text(std::int64_t value, std::string_view unlimited) {
  return value < 0 ? std::string(unlimited) : std::to_string(value);
}

Error missing_controller(std::string_view what) {
  return error(ErrorKind::kUnsupported, "{} cannot be limited: this host has no cgroup controller for it", what);
}

}  // namespace strata::sys
