// Waiting for several descriptors, and signals as descriptors: what a small loop needs.
//
// There is no registry of handlers: a loop over a dozen descriptors says anew each time what it waits for
// (ppoll(2)), which leaves no stale interest behind. No libfmt here: the monitor uses this.
#pragma once

#include <poll.h>
#include <signal.h>

#include <chrono>
#include <initializer_list>
#include <optional>
#include <span>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

using Milliseconds = std::chrono::milliseconds;

// poll(2), EINTR retried with the whole time. False after the timeout. Entries with fd -1 are skipped.
Result<bool> wait_ready(std::span<pollfd> entries, std::optional<Milliseconds> timeout = std::nullopt);

// One read(2) of a non-blocking descriptor; nullopt when it would wait. 0 is the end; EIO of a pty whose
// other side is closed is the end too.
Result<std::optional<std::size_t>> read_now(int fd, std::span<std::byte> buffer);
// One write(2) of a non-blocking descriptor: how much was taken, maybe 0.
Result<std::size_t> write_now(int fd, std::span<const std::byte> bytes);

void ignore_signals(std::initializer_list<int> signals);

// SIGPIPE is ignored for the time of a scope.
class [[nodiscard]] NoPipeSignal {
 public:
  NoPipeSignal();
  NoPipeSignal(NoPipeSignal&& other) noexcept;
  NoPipeSignal& operator=(NoPipeSignal&&) = delete;
  ~NoPipeSignal();

 private:
  struct sigaction before_{};
  bool active_ = true;
};

// CLOCK_MONOTONIC.
std::chrono::nanoseconds monotonic_now();

// Blocks the signals in this thread (and those it makes later) and delivers them through a descriptor;
// the destructor restores the mask that was there before.
class [[nodiscard]] SignalFd {
 public:
  static Result<SignalFd> create(std::initializer_list<int> signals);
  static Result<SignalFd> create(const sigset_t& signals);
  SignalFd(SignalFd&& other) noexcept;
  SignalFd& operator=(SignalFd&&) = delete;
  ~SignalFd();

  int fd() const { return fd_.get(); }
  // The next signal that has arrived; nullopt when there is none.
  std::optional<int> next();

 private:
  SignalFd(UniqueFd fd, const sigset_t& before) : fd_(std::move(fd)), before_(before) {}
  UniqueFd fd_;
  sigset_t before_{};
};

}  // namespace strata::sys
