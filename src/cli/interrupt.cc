#include "cli/interrupt.h"

#include <poll.h>

#include <array>
#include <csignal>
#include <cstdlib>

#include "sys/file.h"

namespace strata::cli {
namespace {
constexpr sys::Milliseconds kPatience{3000};

// A byte, not a close: a process that was forked meanwhile may hold the pipe's other end too.
void raise(const sys::Pipe& pipe) { (void)!sys::write_all(pipe.write.get(), "x"); }
}  // namespace

Result<std::unique_ptr<Interrupt>> Interrupt::create() {
  auto signals = TRY(sys::SignalFd::create({SIGINT, SIGTERM, SIGHUP}));
  auto requested = TRY(sys::make_pipe());
  auto finished = TRY(sys::make_pipe());
  return std::unique_ptr<Interrupt>(new Interrupt(std::move(signals), std::move(requested), std::move(finished)));
}

Interrupt::Interrupt(sys::SignalFd signals, sys::Pipe requested, sys::Pipe finished)
    : signals_(std::move(signals)),
      requested_(std::move(requested)),
      finished_(std::move(finished)),
      thread_([this] { watch(); }) {}

Interrupt::~Interrupt() {
  raise(finished_);
  thread_.join();
}

void Interrupt::watch() {
  std::array<pollfd, 2> entries = {pollfd{.fd = signals_.fd(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = finished_.read.get(), .events = POLLIN, .revents = 0}};
  for (;;) {
    const auto ready = sys::wait_ready(entries, signal_ != 0 ? std::optional(kPatience) : std::nullopt);
    if (!ready || entries[1].revents != 0) return;
    // Out of patience, or asked twice.
    if (signal_ != 0) std::_Exit(128 + signal_);
    signal_ = signals_.next().value_or(SIGINT);
    raise(requested_);
  }
}

}  // namespace strata::cli
