// `exec`: a further process in a running container, and what joins it to our standard streams.
//
// The process is a child of ours, so no monitor takes part. What it gets as standard streams:
// - with a terminal: a pty of the container's, which we pump;
// - a pipe or socket of ours: that very descriptor, nothing is copied;
// - where ours is a terminal or a file: a pipe that we pump. A descriptor of the host's terminal or of a
//   host's file in a container's hands could be reopened there for writing, or kept when we are gone.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "containers/containers.h"

namespace strata::containers {

struct ExecSession {
  std::vector<std::string> arguments;
  std::vector<std::string> env;  // "K=V"
  std::string user;              // "" = the container's
  std::string working_dir;       // "" = the container's
  bool tty = false;
  bool interactive = false;  // our standard input is its
  bool detach = false;       // do not wait; no streams
  bool privileged = false;
  std::string detach_keys = "ctrl-p,ctrl-q";
};

// The exit code: the process's, 128 + signal, or 0 when detached. Our standard streams and signal handling are used
// meanwhile; this process must have one thread. Errors: kConflict when the container is not running; kCommandNotFound,
// kCommandNotRunnable; kInvalidArgument.
Result<int> exec_in(Containers& containers, const Container& container, const ExecSession& session);

}  // namespace strata::containers
