#include "sys/terminal.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstdlib>

namespace strata::sys {
namespace {

// What a crash handler or exit(3) needs; set before raw mode is entered, so plain statics.
struct Saved {
  std::atomic<int> fd{-1};
  termios modes{};
  struct sigaction previous[NSIG]{};
};
Saved saved;

constexpr std::array kCrashes{SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};

// Async-signal-safe. TCSANOW: with TCSADRAIN a stopped reader of the terminal would keep us here.
void restore() {
  const int fd = saved.fd.exchange(-1);
  if (fd < 0) return;
  // A background process that sets modes gets SIGTTOU and stops; ignored for the moment.
  struct sigaction ignore{}, before{};
  ignore.sa_handler = SIG_IGN;
  ::sigaction(SIGTTOU, &ignore, &before);
  ::tcsetattr(fd, TCSANOW, &saved.modes);
  ::sigaction(SIGTTOU, &before, nullptr);
}

void on_crash(int signal) {
  restore();
  ::sigaction(signal, &saved.previous[signal], nullptr);
  ::raise(signal);
}

termios raw(termios modes) {
  ::cfmakeraw(&modes);
  modes.c_cc[VMIN] = 1;
  modes.c_cc[VTIME] = 0;
  return modes;
}

}  // namespace

std::optional<TerminalSize> terminal_size(int fd) {
  winsize size{};
  if (::ioctl(fd, TIOCGWINSZ, &size) != 0) return std::nullopt;
  return TerminalSize{size.ws_row, size.ws_col};
}

Result<> resize_terminal(int fd, TerminalSize size) {
  const winsize value{size.rows, size.columns, 0, 0};
  if (::ioctl(fd, TIOCSWINSZ, &value) != 0) return Error::from_errno(errno, "ioctl TIOCSWINSZ");
  return {};
}

Result<UniqueFd> open_terminal_of(int master) {
  UniqueFd fd(::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!fd) return Error::from_errno(errno, "ioctl TIOCGPTPEER");
  return fd;
}

Result<RawTerminal> RawTerminal::enter(int fd) {
  if (saved.fd.load() >= 0) return Error(ErrorKind::kConflict, "the terminal is in raw mode already");
  termios modes{};
  if (::tcgetattr(fd, &modes) != 0) return Error::from_errno(errno, "read the terminal's modes");
  static const bool at_exit = std::atexit(restore) == 0;
  (void)at_exit;
  saved.modes = modes;
  saved.fd = fd;
  for (const int signal : kCrashes) {
    struct sigaction action{};
    action.sa_handler = on_crash;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_NODEFER);
    ::sigaction(signal, &action, &saved.previous[signal]);
  }
  RawTerminal owner(fd);
  const termios wanted = raw(modes);
  if (::tcsetattr(fd, TCSANOW, &wanted) != 0) return Error::from_errno(errno, "put the terminal into raw mode");
  return owner;
}

Result<> RawTerminal::reenter() {
  const termios wanted = raw(saved.modes);
  if (::tcsetattr(fd_, TCSANOW, &wanted) != 0) return Error::from_errno(errno, "put the terminal into raw mode");
  return {};
}

RawTerminal::RawTerminal(RawTerminal&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

RawTerminal::~RawTerminal() {
  if (fd_ < 0) return;
  restore();
  for (const int signal : kCrashes) ::sigaction(signal, &saved.previous[signal], nullptr);
}

}  // namespace strata::sys
