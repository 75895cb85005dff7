// Moving bytes between our standard streams and a child's pipes or pty, together with signals, until the
// child has ended. For one child at a time, in one thread.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "containers/client_streams.h"
#include "sys/event_loop.h"
#include "sys/unique_fd.h"

namespace strata::containers {

struct PumpEnds {
  // The child's side, non-blocking; empty ones are not pumped. With `terminal` all of the child's streams
  // are that pty's master.
  sys::UniqueFd in, out, err, terminal;
  bool terminal_input = false;  // our standard input goes to the terminal
  int child_pidfd = -1;
};

struct PumpOutcome {
  bool detached = false;   // by the keys; the child goes on
  int interrupted_by = 0;  // by a signal to us (in a terminal session), or SIGPIPE; the child goes on
};

// After the child's end what its pipes still hold is moved, and no more: who else has them open is not
// waited for. Errors: what writing our output gives.
Result<PumpOutcome> pump(PumpEnds& ends, DetachKeys keys, ClientTerminal& terminal);

}  // namespace strata::containers
