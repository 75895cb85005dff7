// Our standard streams and signals as the client of a container uses them: shared by attach (through the
// monitor) and exec (to its own child).
#pragma once

#include <poll.h>

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/event_loop.h"
#include "sys/terminal.h"

namespace strata::containers {

// Keys that end a terminal session without ending the container.
class DetachKeys {
 public:
  static constexpr std::size_t kMaxKeys = 32;
  DetachKeys() = default;  // none
  // Docker's syntax: "ctrl-p,ctrl-q"; single characters, and ctrl- with a to z, @, [, \, ], ^, _. "" = none.
  // Errors: kInvalidArgument.
  static Result<DetachKeys> parse(std::string_view text);

  // Appends to `output` what of the input goes to the container; keys that may begin the sequence are held back.
  // True when the sequence is complete; what follows it is dropped.
  bool filter(std::string_view input, std::string& output);

 private:
  std::string keys_;
  std::size_t matched_ = 0;
};

// Standard output or error, written without ever waiting long: the loop must go on seeing signals.
class OutputStream {
 public:
  explicit OutputStream(int fd);
  int fd() const { return fd_; }
  // How many bytes were taken, maybe 0. Call it when poll(2) has said POLLOUT (for a file: at any time).
  // Errors: EPIPE when nobody reads any more (SIGPIPE must be ignored), ENOSPC, …
  Result<std::size_t> write_some(std::span<const std::byte> bytes);

 private:
  int fd_;
  bool waits_;  // a pipe, socket or terminal, not a file
};

struct ClientSignal {
  enum class Kind {
    kResized,  // the terminal has another size
    kForward,  // hand this signal on
    kEnd,      // leave the terminal as it was and end
  };
  Kind kind;
  int number;
};

// Signals for the time of a session, and raw mode on standard input for a terminal session. All is put
// back when it goes. SIGPIPE is ignored meanwhile.
class ClientTerminal {
 public:
  struct Options {
    bool raw = false;      // a terminal session with standard input
    bool resize = false;   // the other side has a terminal
    bool forward = false;  // without a terminal: signals that would end us are to be handed on
  };
  static Result<ClientTerminal> enter(Options options);

  int signal_fd() const { return signals_.fd(); }
  std::optional<ClientSignal> next_signal();
  // Of standard output, else standard input. nullopt when neither is a terminal.
  static std::optional<sys::TerminalSize> size();

 private:
  ClientTerminal(Options options, sys::SignalFd signals) : options_(options), signals_(std::move(signals)) {}
  Options options_;
  sys::NoPipeSignal no_pipe_signal_;
  sys::SignalFd signals_;
  std::optional<sys::RawTerminal> raw_;
};

// Errors: kInvalidArgument, in docker's words, when -i and -t are asked for and standard input is no terminal.
Result<> check_terminal_input(bool terminal, bool want_stdin);

}  // namespace strata::containers
