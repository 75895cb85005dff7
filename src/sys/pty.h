// Pseudo-terminals (pts(4)); their modes and sizes: terminal.h. Reentrant.
#pragma once

#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

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

}  // namespace strata::sys
