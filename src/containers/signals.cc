#include <array>
#include <csignal>
#include <utility>

#include "base/strings.h"
#include "containers/containers.h"

namespace strata::containers {
namespace {

constexpr std::array<std::pair<std::string_view, int>, 34> kSignals = {{
    {"HUP", SIGHUP},   {"INT", SIGINT},       {"QUIT", SIGQUIT},     {"ILL", SIGILL},   {"TRAP", SIGTRAP},
    {"ABRT", SIGABRT}, {"IOT", SIGIOT},       {"BUS", SIGBUS},       {"FPE", SIGFPE},   {"KILL", SIGKILL},
    {"USR1", SIGUSR1}, {"SEGV", SIGSEGV},     {"USR2", SIGUSR2},     {"PIPE", SIGPIPE}, {"ALRM", SIGALRM},
    {"TERM", SIGTERM}, {"STKFLT", SIGSTKFLT}, {"CHLD", SIGCHLD},     {"CLD", SIGCHLD},  {"CONT", SIGCONT},
    {"STOP", SIGSTOP}, {"TSTP", SIGTSTP},     {"TTIN", SIGTTIN},     {"TTOU", SIGTTOU}, {"URG", SIGURG},
    {"XCPU", SIGXCPU}, {"XFSZ", SIGXFSZ},     {"VTALRM", SIGVTALRM}, {"PROF", SIGPROF}, {"WINCH", SIGWINCH},
    {"IO", SIGIO},     {"POLL", SIGPOLL},     {"PWR", SIGPWR},       {"SYS", SIGSYS},
}};

// As the kernel numbers them; the C library keeps two of them for itself.
constexpr int kRealTimeFirst = 34;
constexpr int kRealTimeLast = 64;

}  // namespace

Result<int> parse_signal(std::string_view text) {
  if (const auto number = parse_unsigned(text)) {
    if (*number >= 1 && *number <= kRealTimeLast) return static_cast<int>(*number);
    return error(ErrorKind::kInvalidArgument, "invalid signal: {}", printable(text));
  }
  std::string name = to_lower(text);
  if (name.starts_with("sig")) name.erase(0, 3);
  for (const auto& [known, number] : kSignals)
    if (equals_ignoring_case(name, known)) return number;
  for (const auto& [prefix, base, sign] :
       {std::tuple{"rtmin", kRealTimeFirst, 1}, std::tuple{"rtmax", kRealTimeLast, -1}}) {
    if (!name.starts_with(prefix)) continue;
    const std::string_view rest = std::string_view(name).substr(5);
    if (rest.empty()) return base;
    if (rest[0] != (sign > 0 ? '+' : '-')) continue;
    const auto offset = parse_unsigned(rest.substr(1));
    if (offset && *offset <= kRealTimeLast - kRealTimeFirst) return base + sign * static_cast<int>(*offset);
  }
  return error(ErrorKind::kInvalidArgument, "invalid signal: {}", printable(text));
}

}  // namespace strata::containers
