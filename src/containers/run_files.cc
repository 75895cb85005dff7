#include "containers/run_files.h"

#include <unistd.h>

#include <cerrno>

#include "base/json.h"
#include "base/json_fields.h"
#include "base/strings.h"
#include "containers/container.h"
#include "sys/file.h"
#include "sys/process.h"

namespace strata::containers {
namespace {

constexpr std::size_t kMaxRunFile = 64 << 10;

// False when there is no such file.
Result<bool> read_members(const std::string& path, const JsonFields::Reader& read) {
  Result<std::string> text = sys::read_file(path, kMaxRunFile);
  if (!text && text.error().error_number() == ENOENT) return false;
  TRY(read_json_object(TRY(std::move(text)), read), "{}", path);
  return true;
}

void read_time(JsonFields& in, std::string_view name, Timestamp& out) {
  std::string text;
  in(name, text);
  if (const auto time = parse_rfc3339(text))
    out = *time;
  else
    in.fail(error(ErrorKind::kCorrupt, "\"{}\" is no time", name));
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
  RunStatus out;
  const bool found = TRY(read_members(path, [&](JsonFields& in) {
    in("boot_id", out.boot_id)("pid", out.init.pid)("start_time", out.init.start_time);
    in("monitor_pid", out.monitor.pid)("monitor_start_time", out.monitor.start_time);
    read_time(in, "started", out.started);
  }));
  return found ? std::optional(out) : std::nullopt;
}

Result<std::optional<ExitRecord>> parse_exit(const std::string& path) {
  ExitRecord out;
  const bool found = TRY(read_members(path, [&](JsonFields& in) {
    in("code", out.code)("oom", out.oom_killed)("error", out.error);
    read_time(in, "finished", out.finished);
  }));
  return found ? std::optional(out) : std::nullopt;
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
