#include "containers/run_files.h"

#include <unistd.h>

#include <cerrno>

#include "base/json.h"
#include "base/strings.h"
#include "containers/container.h"
#include "sys/file.h"
#include "sys/process.h"

namespace strata::containers {
namespace {

constexpr std::size_t kMaxRunFile = 64 << 10;

Result<std::optional<json>> read_json(const std::string& path) {
  Result<std::string> text = sys::read_file(path, kMaxRunFile);
  if (!text) {
    if (text.error().error_number() == ENOENT) return std::nullopt;
    return std::move(text).take_error();
  }
  return TRY(parse_json(*text), "{}", path);
}

Result<Timestamp> time_member(const json& object, std::string_view name, const std::string& path) {
  const auto time = parse_rfc3339(TRY(string_member(object, name)));
  if (!time) return error(ErrorKind::kCorrupt, "{}: \"{}\" is no time", path, name);
  return *time;
}

}  // namespace

Result<> write_status(const std::string& path, const RunStatus& status) {
  const json out = {{"version", 1},
                    {"boot_id", status.boot_id},
                    {"pid", status.init.pid},
                    {"start_time", status.init.start_time},
                    {"monitor_pid", status.monitor.pid},
                    {"monitor_start_time", status.monitor.start_time},
                    {"started", to_rfc3339(status.started)}};
  return sys::replace_file(path, out.dump());
}

namespace {

Result<std::optional<RunStatus>> parse_status(const std::string& path) {
  const std::optional<json> in = TRY(read_json(path));
  if (!in) return std::nullopt;
  RunStatus out;
  out.boot_id = TRY(string_member(*in, "boot_id"), "{}", path);
  out.init.pid = static_cast<pid_t>(TRY(int_member(*in, "pid"), "{}", path));
  out.init.start_time = static_cast<std::uint64_t>(TRY(int_member(*in, "start_time"), "{}", path));
  out.monitor.pid = static_cast<pid_t>(TRY(int_member(*in, "monitor_pid"), "{}", path));
  out.monitor.start_time = static_cast<std::uint64_t>(TRY(int_member(*in, "monitor_start_time"), "{}", path));
  out.started = TRY(time_member(*in, "started", path));
  return out;
}

Result<std::optional<ExitRecord>> parse_exit(const std::string& path) {
  const std::optional<json> in = TRY(read_json(path));
  if (!in) return std::nullopt;
  ExitRecord out;
  out.code = static_cast<int>(TRY(int_member(*in, "code"), "{}", path));
  out.oom_killed = TRY(bool_member(*in, "oom"), "{}", path);
  out.error = TRY(string_member(*in, "error"), "{}", path);
  out.finished = TRY(time_member(*in, "finished", path));
  return out;
}

}  // namespace

Result<std::optional<RunStatus>> read_status(const std::string& path) {
  Result<std::optional<RunStatus>> status = parse_status(path);
  if (!status && status.error().kind() == ErrorKind::kCorrupt) return std::nullopt;
  return status;
}

Result<std::optional<ExitRecord>> read_exit(const std::string& path) {
  Result<std::optional<ExitRecord>> exit = parse_exit(path);
  if (exit || exit.error().kind() != ErrorKind::kCorrupt) return exit;
  return ExitRecord{.code = kUnknownExitCode, .error = exit.error().message(), .finished = now()};
}

Liveness look_at(const ProcessIdentity& process) {
  if (process.pid <= 0) return {};
  // "PID (any text with ) and spaces) STATE PPID …": the last ")" ends the name.
  Result<std::string> text = sys::read_file(fmt::format("/proc/{}/stat", process.pid), 4096);
  if (!text) return {};
  const std::size_t end = text->rfind(')');
  if (end == std::string::npos || end + 2 >= text->size()) return {};
  const std::vector<std::string_view> fields = split(std::string_view(*text).substr(end + 2), ' ');
  if (fields.size() < 20 || parse_unsigned(fields[19]) != process.start_time) return {};
  return {.exists = true, .zombie = fields[0] == "Z" || fields[0] == "X"};
}

bool is_running(const RunStatus& status, std::string_view current_boot_id) {
  if (status.boot_id != current_boot_id) return false;
  const Liveness init = look_at(status.init);
  if (!init.exists) return false;
  return !init.zombie || look_at(status.monitor).alive();
}

Result<std::optional<sys::UniqueFd>> open_process(const ProcessIdentity& process) {
  if (process.pid <= 0) return std::nullopt;
  Result<sys::UniqueFd> fd = sys::open_pidfd(process.pid);
  if (!fd) {
    if (fd.error().error_number() == ESRCH) return std::nullopt;
    return std::move(fd).take_error();
  }
  // Only now: the pidfd holds whoever had the pid when it was opened.
  if (!look_at(process).exists) return std::nullopt;
  return std::optional<sys::UniqueFd>(std::move(*fd));
}

Result<ProcessIdentity> own_identity() {
  const pid_t pid = ::getpid();
  return ProcessIdentity{pid, TRY(sys::start_time(pid))};
}

}  // namespace strata::containers
