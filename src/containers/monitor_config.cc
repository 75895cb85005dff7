#include "containers/monitor_config.h"

#include <charconv>

namespace strata::containers {
namespace {

template <class Number>
bool number(std::string_view text, Number& out) {
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), out);
  return failed == std::errc() && end == text.data() + text.size();
}

// "5:1234" or "11-14".
bool number_pair(std::string_view text, char separator, int& first, int& second) {
  const auto at = text.find(separator);
  return at != std::string_view::npos && number(text.substr(0, at), first) && number(text.substr(at + 1), second);
}

// False when the word is known and its value makes no sense.
bool take(std::string_view word, MonitorArguments& out) {
  const auto equals = word.find('=');
  const std::string_view name = word.substr(0, equals);
  const std::string_view value = equals == std::string_view::npos ? std::string_view() : word.substr(equals + 1);
  if (name == "run") return number(value, out.run_directory);
  if (name == "listen") return number(value, out.listener);
  if (name == "init") return number_pair(value, ':', out.init_pidfd, out.init_pid);
  if (name == "in") return number(value, out.stdin_fifo);
  if (name == "out") return number(value, out.stdout_fifo);
  if (name == "err") return number(value, out.stderr_fifo);
  if (name == "tty") return number(value, out.terminal);
  if (name == "client") return number(value, out.client);
  if (name == "held") return number_pair(value, '-', out.held_first, out.held_last);
  if (name == "log") out.log_path = value;
  if (name == "log-size") return number(value, out.log_max_size);
  if (name == "log-files") return number(value, out.log_max_files) && out.log_max_files >= 1;
  if (name == "stdin-once") out.stdin_once = true;
  if (name == "owner") out.client_owns = true;
  if (name == "adopted") out.adopted = true;
  return true;
}

}  // namespace

Result<MonitorArguments> parse_monitor_arguments(std::span<char* const> arguments) {
  MonitorArguments result;
  if (arguments.size() < 2)
    return Error(ErrorKind::kInvalidArgument, "strata-monitor is started by strata, not by hand");
  result.container_id = arguments[1];
  for (std::size_t i = 2; i < arguments.size(); ++i) {
    const std::string_view word = arguments[i];
    if (word == "--") {
      result.teardown = arguments.subspan(i + 1);
      break;
    }
    if (!take(word, result)) return Error(ErrorKind::kInvalidArgument, std::string("bad argument ") += word);
  }
  if (result.run_directory < 0 || result.listener < 0 || result.init_pidfd < 0)
    return Error(ErrorKind::kInvalidArgument, "an argument is missing");
  return result;
}

}  // namespace strata::containers
