// SIGINT, SIGTERM and SIGHUP as a request to end: work that can end by itself sees a descriptor become
// readable; what has not ended some seconds later ends with the process (everything in flight belongs to
// leases, which the next command sweeps).
#pragma once

#include <atomic>
#include <thread>

#include "base/result.h"
#include "sys/event_loop.h"
#include "sys/unique_fd.h"

namespace strata::cli {

class [[nodiscard]] Interrupt {
 public:
  // Make it before any other thread: the signals are blocked in this one and those it makes.
  static Result<std::unique_ptr<Interrupt>> create();
  ~Interrupt();

  // Readable from the first signal on.
  int fd() const { return requested_.read.get(); }
  // The signal that came first, 0 for none.
  int signal() const { return signal_; }

 private:
  Interrupt(sys::SignalFd signals, sys::Pipe requested, sys::Pipe finished);
  void watch();

  sys::SignalFd signals_;
  sys::Pipe requested_;
  sys::Pipe finished_;  // ends the thread
  std::atomic<int> signal_{0};
  std::jthread thread_;
};

}  // namespace strata::cli
