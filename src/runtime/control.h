// The talk between the caller of create() or exec() and the child, over a SOCK_SEQPACKET pair whose
// descriptors are close-on-exec: that the child's end closes without a message means "the program
// runs" after kStart, and "the child was killed" before. The caller's end closing tells the child
// to end.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::runtime {

enum class Signal : char {
  kTerminal = 'T',    // child: the pty's master
  kReady = 'R',       // child: everything is made
  kContinue = 'C',    // caller: the network is there
  kStart = 'S',       // caller: execute
  kError = 'E',       // child: an Error, encoded
  kFailedStep = 'X',  // child: which of the last steps failed (sys::HiddenExecStep)
};

struct Received {
  Signal signal{};
  sys::UniqueFd fd;
};

Result<> send_signal(int socket, Signal signal, int fd = -1);
// Best effort: who would hear that it failed?
void send_error(int socket, const Error& error);
// The message of kFailedStep for a program, with room for the step and the errno at kFailedStepAt.
std::string failed_step_report(const std::string& program);
inline constexpr std::size_t kFailedStepAt = 1;
// nullopt when the other end is closed; an Error that the child sent is returned as that Error.
Result<std::optional<Received>> receive_signal(int socket);

}  // namespace strata::runtime
