// Pseudo-terminals (pts(4)) and the settings of terminals (termios(3)). Reentrant.
#pragma once

#include <termios.h>

#include <cstdint>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

struct WindowSize {
  std::uint16_t rows = 0, columns = 0;
  bool operator==(const WindowSize&) const = default;
};

struct Pty {
  UniqueFd master;
  UniqueFd terminal;  // the other side, opened by TIOCGPTPEER: no path is looked up for it
  int number = 0;     // N of /dev/pts/N
};

// A new pair from the devpts whose multiplexer is `ptmx` below `directory` (AT_FDCWD: a path).
// The terminal is not made anybody's controlling terminal.
Result<Pty> open_pty(int directory, const std::string& ptmx);

// Makes `terminal` the controlling terminal of the calling session leader (TIOCSCTTY).
Result<> make_controlling_terminal(int terminal);

Result<WindowSize> window_size(int terminal);
Result<> set_window_size(int terminal, WindowSize size);
bool is_terminal(int fd);

// Puts a terminal into raw mode (as docker's client does: cfmakeraw) and restores it when it goes.
class [[nodiscard]] RawMode {
 public:
  static Result<RawMode> enter(
      int terminal);  // the descriptor must stay open as long as the object lives
  RawMode(RawMode&& other) noexcept;
  RawMode& operator=(RawMode&&) = delete;
  ~RawMode();
  void restore();  // now; again is harmless

 private:
  RawMode(int fd, const termios& before) : fd_(fd), before_(before) {}
  int fd_;
  termios before_;
};

}  // namespace strata::sys
