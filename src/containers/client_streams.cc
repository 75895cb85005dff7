#include "containers/client_streams.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/strings.h"
#include "sys/file.h"

namespace strata::containers {
namespace {

// A pipe or terminal that polls POLLOUT takes so much without waiting (PIPE_BUF).
constexpr std::size_t kSmallWrite = 4096;

Result<char> parse_key(std::string_view key) {
  if (key.size() == 1) return key[0];
  if (key.size() == 6 && key.starts_with("ctrl-")) {
    const char c = key[5];
    if (c >= 'a' && c <= 'z') return static_cast<char>(c - 'a' + 1);
    if (c >= '@' && c <= '_' && !(c >= 'A' && c <= 'Z')) return static_cast<char>(c - '@');
  }
  return error(ErrorKind::kInvalidArgument, "Unknown character: '{}'", key);
}

}  // namespace

Result<DetachKeys> DetachKeys::parse(std::string_view text) {
  DetachKeys result;
  if (text.empty()) return result;
  for (const std::string_view key : split(text, ','))
    result.keys_ += TRY(parse_key(key), "invalid detach keys ({})", text);
  if (result.keys_.size() > kMaxKeys)
    return error(ErrorKind::kInvalidArgument, "invalid detach keys: more than {} of them", kMaxKeys);
  return result;
}

bool DetachKeys::filter(std::string_view input, std::string& output) {
  for (const char c : input) {
    if (matched_ < keys_.size() && c == keys_[matched_]) {
      if (++matched_ == keys_.size()) return true;
      continue;
    }
    // What was held back was not the sequence; the key at hand may begin it anew.
    output.append(keys_, 0, matched_);
    matched_ = 0;
    if (!keys_.empty() && c == keys_[0])
      matched_ = 1;
    else
      output += c;
  }
  return false;
}

OutputStream::OutputStream(int fd) : fd_(fd), waits_(true) {
  if (const auto status = sys::stat_fd(fd)) waits_ = !S_ISREG(status->st_mode);
}

Result<std::size_t> OutputStream::write_some(std::span<const std::byte> bytes) {
  return sys::write_now(fd_, waits_ ? bytes.first(std::min(bytes.size(), kSmallWrite)) : bytes);
}

Result<ClientTerminal> ClientTerminal::enter(Options options) {
  sigset_t wanted;
  ::sigemptyset(&wanted);
  const auto add = [&](std::initializer_list<int> signals) {
    for (const int signal : signals) ::sigaddset(&wanted, signal);
  };
  if (options.resize) add({SIGWINCH});
  // Raw mode must be left before we are, and entered again when a stopped session goes on.
  if (options.raw) add({SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGCONT});
  if (options.forward) add({SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2});
  ClientTerminal result(options, TRY(sys::SignalFd::create(wanted)));
  if (options.raw && sys::terminal_size(STDIN_FILENO)) result.raw_.emplace(TRY(sys::RawTerminal::enter(STDIN_FILENO)));
  return result;
}

std::optional<ClientSignal> ClientTerminal::next_signal() {
  while (const auto number = signals_.next()) {
    if (*number == SIGWINCH) return ClientSignal{ClientSignal::Kind::kResized, *number};
    if (*number == SIGCONT) {
      if (raw_) (void)raw_->reenter();
      continue;
    }
    return ClientSignal{options_.forward ? ClientSignal::Kind::kForward : ClientSignal::Kind::kEnd, *number};
  }
  return std::nullopt;
}

std::optional<sys::TerminalSize> ClientTerminal::size() {
  for (const int fd : {STDOUT_FILENO, STDIN_FILENO})
    if (const auto size = sys::terminal_size(fd)) return size;
  return std::nullopt;
}

Result<> check_terminal_input(bool terminal, bool want_stdin) {
  if (terminal && want_stdin && !sys::terminal_size(STDIN_FILENO))
    return error(ErrorKind::kInvalidArgument, "the input device is not a TTY");
  return {};
}

}  // namespace strata::containers
