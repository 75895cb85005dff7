#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/strings.h"
#include "cli/options.h"
#include "cli/time_flag.h"
#include "cli/verbs.h"
#include "containers/attach.h"
#include "containers/containers.h"
#include "containers/log_reader.h"
#include "sys/event_loop.h"
#include "sys/file.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

// Entries to the descriptors they were written to, in their order.
class LogPrinter {
 public:
  LogPrinter(bool timestamps, bool terminal) : timestamps_(timestamps), terminal_(terminal) {}

  // False when nobody reads any more.
  Result<bool> print(const containers::LogEntry& entry) {
    const bool is_error = entry.stream == containers::LogStream::kStderr && !terminal_;
    if (is_error != to_error_ || buffer_.size() > kEnough)
      if (!TRY(flush())) return false;
    to_error_ = is_error;
    bool& within_line = within_line_[is_error];
    if (timestamps_ && !within_line) buffer_ += to_rfc3339(entry.time) + ' ';
    within_line = !entry.bytes.ends_with('\n');
    buffer_ += entry.bytes;
    return true;
  }
  Result<bool> flush() {
    const Result<> written = sys::write_all(to_error_ ? STDERR_FILENO : STDOUT_FILENO, buffer_);
    buffer_.clear();
    if (written) return true;
    if (written.error().error_number() == EPIPE) return false;
    return written.error();
  }

 private:
  static constexpr std::size_t kEnough = 64 << 10;
  bool timestamps_, terminal_;
  bool to_error_ = false;
  std::array<bool, 2> within_line_{};
  std::string buffer_;
};

Result<std::optional<std::uint64_t>> parse_tail(const std::string& text) {
  if (text == "all" || text.empty()) return std::optional<std::uint64_t>();
  // As docker: a negative number means all.
  if (const auto number = parse_signed(text))
    return *number < 0 ? std::nullopt : std::optional(static_cast<std::uint64_t>(*number));
  return error(ErrorKind::kInvalidArgument, "invalid value for \"tail\": {}", printable(text));
}

}  // namespace

Result<int> run_logs(Context& context, const Verb& verb, Arguments arguments) {
  bool follow = false, timestamps = false;
  std::string tail = "all", since, until;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("-f,--follow", follow, "Follow log output");
  options.value("--since", since,
                "Show logs since timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)");
  options.value("-n,--tail", tail, "Number of lines to show from the end of the logs");
  options.flag("-t,--timestamps", timestamps, "Show timestamps");
  options.value(
      "--until", until,
      "Show logs before a timestamp (e.g. \"2013-01-02T13:23:37Z\") or relative (e.g. \"42m\" for 42 minutes)");
  options.arguments(names, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;
  containers::LogQuery query;
  query.tail = TRY(parse_tail(tail));
  if (!since.empty()) query.since = TRY(parse_time_flag(since, now()));
  if (!until.empty()) query.until = TRY(parse_time_flag(until, now()));
  containers::Containers& all = TRY(context.engine())->containers();
  const containers::Container container = TRY(all.find(names[0]));
  const containers::ContainerPaths paths = all.paths(container.id);

  const sys::NoPipeSignal no_pipe_signal;
  LogPrinter printer(timestamps, container.config.tty);
  if (!follow) {
    TRY(containers::read_log(paths.log, query,
                             [&](const containers::LogEntry& entry) { return printer.print(entry); }));
    TRY(printer.flush());
    return 0;
  }
  // Connected before the log is read: no exit can come between.
  std::optional<containers::MonitorClient> client;
  if (Result<sys::UniqueFd> socket = containers::connect_monitor(paths.run_directory))
    if (Result<containers::MonitorClient> opened = containers::MonitorClient::open(std::move(*socket)))
      client.emplace(std::move(*opened));
  TRY(containers::follow_log(paths.log, query, client ? &*client : nullptr,
                             [&](const containers::LogEntry& entry) -> Result<bool> {
                               return TRY(printer.print(entry)) && TRY(printer.flush());
                             }));
  TRY(printer.flush());
  return 0;
}

}  // namespace strata::cli
