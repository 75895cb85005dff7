#include "sys/pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "sys/file.h"

namespace strata::sys {

Result<Pty> open_pty(int directory, const std::string& ptmx) {
  Pty pty;
  pty.master = TRY(open_at(directory, ptmx, O_RDWR | O_NOCTTY | O_CLOEXEC));
  int locked = 0;
  if (::ioctl(pty.master.get(), TIOCSPTLCK, &locked) != 0) return error_from(errno, "unlock pty");
  if (::ioctl(pty.master.get(), TIOCGPTN, &pty.number) != 0)
    return error_from(errno, "number of pty");
  pty.terminal = UniqueFd(::ioctl(pty.master.get(), TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC));
  if (!pty.terminal) return error_from(errno, "open terminal of pty");
  return pty;
}

Result<> make_controlling_terminal(int terminal) {
  if (::ioctl(terminal, TIOCSCTTY, 0) != 0) return error_from(errno, "make controlling terminal");
  return {};
}

Result<WindowSize> window_size(int terminal) {
  winsize size{};
  if (::ioctl(terminal, TIOCGWINSZ, &size) != 0) return error_from(errno, "window size");
  return WindowSize{size.ws_row, size.ws_col};
}

Result<> set_window_size(int terminal, WindowSize size) {
  winsize wanted{};
  wanted.ws_row = size.rows;
  wanted.ws_col = size.columns;
  if (::ioctl(terminal, TIOCSWINSZ, &wanted) != 0) return error_from(errno, "set window size");
  return {};
}

bool is_terminal(int fd) { return ::isatty(fd) == 1; }

Result<RawMode> RawMode::enter(int terminal) {
  termios before{};
  if (::tcgetattr(terminal, &before) != 0) return error_from(errno, "read terminal settings");
  termios raw = before;
  ::cfmakeraw(&raw);
  if (::tcsetattr(terminal, TCSADRAIN, &raw) != 0)
    return error_from(errno, "put terminal into raw mode");
  return RawMode(terminal, before);
}

RawMode::RawMode(RawMode&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)), before_(other.before_) {}
RawMode::~RawMode() { restore(); }

void RawMode::restore() {
  const int fd = std::exchange(fd_, -1);
  if (fd >= 0) (void)::tcsetattr(fd, TCSADRAIN, &before_);
}

}  // namespace strata::sys
