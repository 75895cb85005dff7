// What strata-fetch does: it serves the requests that arrive on a socket until the socket closes.
#pragma once

#include "base/result.h"
#include "fetch/exchange.h"

namespace strata::fetch {

// Gives up all privileges, for good: uid nobody, no capability, no_new_privs, Landlock (only the
// resolver's and CA files, readable), a seccomp filter and limits. Before the first byte from the
// network; one thread.
Result<> enter_sandbox(int socket);

// Returns when the peer has closed the socket. Errors: only of our own side (memory, a broken
// message).
Result<> serve(int socket, const ServiceLimits& limits);

}  // namespace strata::fetch
