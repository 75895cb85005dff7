// A password from the terminal.
#pragma once

#include <string>

#include "base/result.h"

namespace strata::sys {

// Reads one line from terminal `fd` without echo, at most `limit` bytes; the terminal's modes are
// restored however this ends. Backspace and ^U edit. Errors: kCancelled for ^C, and for ^D in an
// empty line.
Result<std::string> read_hidden_line(int fd, std::size_t limit = 4096);

}  // namespace strata::sys
