#include "sys/pty.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cerrno>

#include "sys/file.h"
#include "sys/terminal.h"

namespace strata::sys {

Result<Pty> open_pty(int directory, const std::string& ptmx) {
  Pty pty;
  pty.master = TRY(open_at(directory, ptmx, O_RDWR | O_NOCTTY | O_CLOEXEC));
  int locked = 0;
  if (::ioctl(pty.master.get(), TIOCSPTLCK, &locked) != 0) return error_from(errno, "unlock pty");
  if (::ioctl(pty.master.get(), TIOCGPTN, &pty.number) != 0) return error_from(errno, "number of pty");
  pty.terminal = TRY(open_terminal_of(pty.master.get()));
  return pty;
}

Result<> make_controlling_terminal(int terminal) {
  if (::ioctl(terminal, TIOCSCTTY, 0) != 0) return error_from(errno, "make controlling terminal");
  return {};
}

}  // namespace strata::sys
