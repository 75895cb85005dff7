// The talk between the caller of create() or exec() and the child, over a SOCK_SEQPACKET pair whose
// descriptors are close-on-exec: that the child's end closes without a message means "the program runs"
// after kStart, and "the child was killed" before. The caller's end closing tells the child to end.
#pragma once

#include <optional>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::runtime {

enum class Signal : char {
  kTerminal = 'T',  // child: the pty's master
  kReady = 'R',     // child: everything is made
  kContinue = 'C',  // caller: the network is there
  kStart = 'S',     // caller: execute
  kError = 'E',     // child: an Error, encoded
};

struct Received {
  Signal signal{};
  sys::UniqueFd fd;
};

Result<> send_signal(int socket, Signal signal, int fd = -1);
// Best effort: who would hear that it failed?
void send_error(int socket, const Error& error);
// nullopt when the other end is closed; an Error that the child sent is returned as that Error.
Result<std::optional<Received>> receive_signal(int socket);

}  // namespace strata::runtime
