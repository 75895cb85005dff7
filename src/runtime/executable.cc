#include "runtime/executable.h"

#include <cerrno>
#include <cstring>
#include <string_view>

#include "base/strings.h"
#include "sys/process_state.h"

namespace strata::runtime {
namespace {

// In the words of Go's os/exec, which Docker's users know.
std::string_view reason(int error_number) {
  switch (error_number) {
    case ENOENT:
      return "no such file or directory";
    case EACCES:
      return "permission denied";
    case EPERM:
      return "operation not permitted";
    case EISDIR:
      return "is a directory";
    case ENOTDIR:
      return "not a directory";
    case ENOEXEC:
      return "exec format error";
    case E2BIG:
      return "argument list too long";
    case ELOOP:
      return "too many levels of symbolic links";
    case ETXTBSY:
      return "text file busy";
    default:
      return ::strerrordesc_np(error_number);
  }
}

std::string_view path_of(const std::vector<std::string>& environment) {
  std::string_view path;
  for (const std::string& variable : environment)
    if (variable.starts_with("PATH=")) path = std::string_view(variable).substr(5);
  return path;
}

}  // namespace

Result<std::string> find_executable(const std::string& command, const std::vector<std::string>& environment) {
  if (command.find('/') != std::string::npos) {
    const int problem = sys::check_executable(command);
    if (problem == 0) return command;
    const bool missing = problem == ENOENT || problem == ENOTDIR;
    if (missing)
      return Error(ErrorKind::kCommandNotFound, fmt::format("exec: \"{0}\": stat {0}: {1}", command, reason(problem)),
                   problem);
    return Error(ErrorKind::kCommandNotRunnable, fmt::format("exec: \"{}\": {}", command, reason(problem)), problem);
  }
  const std::string_view path = path_of(environment);
  for (const std::string_view directory : split(path, ':')) {
    if (path.empty()) break;
    std::string candidate = fmt::format("{}/{}", directory.empty() ? "." : directory, command);
    if (sys::check_executable(candidate) == 0) return candidate;
  }
  return Error(ErrorKind::kCommandNotFound, fmt::format("exec: \"{}\": executable file not found in $PATH", command),
               ENOENT);
}

Error execution_error(const std::string& program, int error_number) {
  // The file is there, so what is missing is its interpreter.
  const ErrorKind kind = error_number == ENOENT ? ErrorKind::kCommandNotFound : ErrorKind::kCommandNotRunnable;
  return Error(kind, fmt::format("exec {}: {}", program, reason(error_number)), error_number);
}

}  // namespace strata::runtime
