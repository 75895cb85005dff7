// The user's terminal in raw mode, which is always undone. (More of ptys: pty.h.)
// No libfmt here: the monitor uses this.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

struct TerminalSize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};
// TIOCGWINSZ; nullopt when the descriptor is no terminal.
std::optional<TerminalSize> terminal_size(int fd);
// TIOCSWINSZ, by either side of a pty.
Result<> resize_terminal(int fd, TerminalSize size);
// The other side of a pty's master, as nobody's controlling terminal (TIOCGPTPEER): while it is open the
// master meets no EIO.
Result<UniqueFd> open_terminal_of(int master);

// Raw mode (cfmakeraw(3)) until the owner goes. It is undone too when the process exits by exit(3) or
// dies of a crash (SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL): the previous handlers run after that.
// Signals that end a program politely are the owner's to turn into a normal return.
// One at a time in a process: a second one is kConflict.
class [[nodiscard]] RawTerminal {
 public:
  static Result<RawTerminal> enter(int fd);
  RawTerminal(RawTerminal&& other) noexcept;
  RawTerminal& operator=(RawTerminal&&) = delete;
  ~RawTerminal();

  // Raw again after something else (a shell, on SIGCONT) has set the modes.
  Result<> reenter();

 private:
  explicit RawTerminal(int fd) : fd_(fd) {}
  int fd_ = -1;
};

}  // namespace strata::sys
