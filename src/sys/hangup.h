// Waiting for the other end of a pipe to go: how a helper process learns that its parent is dead.
#pragma once

namespace strata::sys {

// Returns when nobody can read any more what is written to `fd` (poll(2)'s POLLERR), or on any failure.
void wait_for_reader_gone(int fd);

}  // namespace strata::sys
