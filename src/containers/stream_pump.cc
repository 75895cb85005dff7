#include "containers/stream_pump.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "sys/file.h"
#include "sys/pidfd.h"

namespace strata::containers {
namespace {

constexpr std::size_t kBufferSize = 32 << 10;
// How long a terminal may still say something after its process has ended.
constexpr sys::Milliseconds kGrace{500};

// From the child to a standard stream of ours.
class Outward {
 public:
  Outward(int from, int to) : from_(from), to_(to), buffer_(kBufferSize) {}

  bool open() const { return from_ >= 0 || !waiting_.empty(); }
  pollfd entry() const {
    if (!waiting_.empty()) return {to_.fd(), POLLOUT, 0};
    return {from_, POLLIN, 0};  // -1 is skipped
  }
  // Errors: EPIPE and others of our side. `ending`: what is not there now does not come any more.
  Result<> advance(bool ending) {
    if (!waiting_.empty()) {
      waiting_ = waiting_.subspan(TRY(to_.write_some(waiting_)));
      return {};
    }
    const auto count = sys::read_now(from_, buffer_);
    if (count && !*count && !ending) return {};
    if (!count || !*count || **count == 0)
      from_ = -1;
    else
      waiting_ = std::span<const std::byte>(buffer_).first(**count);
    return {};
  }
  bool waits_for_us() const { return !waiting_.empty(); }
  void give_up() { from_ = -1; }

 private:
  int from_;
  OutputStream to_;
  std::vector<std::byte> buffer_;
  std::span<const std::byte> waiting_;
};

// From our standard input to the child.
class Inward {
 public:
  Inward(sys::UniqueFd& to, bool closes) : to_(to), closes_(closes) {}

  pollfd entry() const {
    if (!waiting_.empty()) return {to_.get(), POLLOUT, 0};
    return {reading_ && to_ ? STDIN_FILENO : -1, POLLIN, 0};
  }
  // True when the detach keys were pressed.
  bool advance(DetachKeys* keys) {
    if (waiting_.empty()) return read(keys);
    const auto written = sys::write_now(to_.get(), std::as_bytes(std::span(waiting_)));
    if (!written) {  // it closed its input
      waiting_.clear();
      reading_ = false;
      end();
      return false;
    }
    waiting_.erase(0, *written);
    if (waiting_.empty() && !reading_) end();
    return false;
  }

 private:
  bool read(DetachKeys* keys) {
    std::array<std::byte, 16 << 10> buffer;
    const auto count = sys::read_some(STDIN_FILENO, buffer);
    if (!count && count.error().error_number() == EAGAIN) return false;
    if (!count || *count == 0) {
      reading_ = false;
      end();
      return false;
    }
    const std::string_view input(reinterpret_cast<const char*>(buffer.data()), *count);
    if (keys == nullptr) {
      waiting_ = input;
      return false;
    }
    return keys->filter(input, waiting_);
  }
  void end() {
    if (closes_) to_.reset();
  }

  sys::UniqueFd& to_;
  bool closes_;
  bool reading_ = true;
  std::string waiting_;
};

class Pump {
 public:
  Pump(PumpEnds& ends, DetachKeys keys, ClientTerminal& terminal)
      : ends_(ends),
        want_input_(ends.in || (ends.terminal && ends.terminal_input)),
        keys_(std::move(keys)),
        terminal_(terminal),
        is_terminal_(ends.terminal),
        out_(is_terminal_ ? ends.terminal.get() : ends.out.get(), STDOUT_FILENO),
        err_(ends.err.get(), STDERR_FILENO) {
    if (is_terminal_) {
      if (auto own = sys::open_terminal_of(ends.terminal.get())) own_terminal_end_ = std::move(*own);
      to_terminal_ = sys::duplicate(ends.terminal.get()).value_or(sys::UniqueFd());
    }
    sys::UniqueFd& input = is_terminal_ ? to_terminal_ : ends.in;
    in_.emplace(input, !is_terminal_);
  }

  Result<PumpOutcome> run() {
    while (!done_) TRY(step());
    return outcome_;
  }

 private:
  Result<> step() {
    enum { kSignals, kChild, kIn, kOut, kErr };
    std::array<pollfd, 5> entries{
        {{terminal_.signal_fd(), POLLIN, 0}, {-1, 0, 0}, {-1, 0, 0}, out_.entry(), err_.entry()}};
    if (!ending_) entries[kChild] = {ends_.child_pidfd, POLLIN, 0};
    if (!ending_ && want_input_) entries[kIn] = in_->entry();
    std::optional<sys::Milliseconds> timeout;
    // After the end, what is not there (a terminal: soon) does not come any more; but our own reader may
    // take its time.
    if (ending_ && !out_.waits_for_us() && !err_.waits_for_us()) timeout = is_terminal_ ? kGrace : sys::Milliseconds(0);
    const bool ready = TRY(sys::wait_ready(entries, timeout));
    if (entries[kSignals].revents != 0) take_signals();
    if (done_) return {};
    if (entries[kOut].revents != 0) TRY(advance(out_));
    if (!done_ && entries[kErr].revents != 0) TRY(advance(err_));
    if (!done_ && entries[kIn].revents != 0 && in_->advance(is_terminal_ ? &keys_ : nullptr)) end({.detached = true});
    if (done_) return {};
    if (entries[kChild].revents != 0) {
      ending_ = true;
      own_terminal_end_.reset();
      return {};  // once more round: the pipes are looked at after the end
    }
    if (ending_ && !ready) {
      out_.give_up();
      err_.give_up();
    }
    if (ending_ && !out_.open() && !err_.open()) done_ = true;
    return {};
  }

  Result<> advance(Outward& stream) {
    const Result<> moved = stream.advance(ending_ && !is_terminal_);
    if (moved) return {};
    if (moved.error().error_number() != EPIPE) return error_from(moved.error().error_number(), "write the output");
    end({.interrupted_by = SIGPIPE});
    return {};
  }

  void take_signals() {
    while (const auto signal = terminal_.next_signal()) {
      switch (signal->kind) {
        case ClientSignal::Kind::kResized:
          if (const auto size = ClientTerminal::size(); size && is_terminal_)
            (void)!sys::resize_terminal(ends_.terminal.get(), *size);
          break;
        case ClientSignal::Kind::kForward:
          sys::signal_process(ends_.child_pidfd, signal->number);
          break;
        case ClientSignal::Kind::kEnd:
          end({.interrupted_by = signal->number});
          return;
      }
    }
  }

  void end(PumpOutcome outcome) {
    outcome_ = outcome;
    done_ = true;
  }

  PumpEnds& ends_;
  const bool want_input_;
  DetachKeys keys_;
  ClientTerminal& terminal_;
  bool is_terminal_;
  Outward out_, err_;
  sys::UniqueFd own_terminal_end_, to_terminal_;
  std::optional<Inward> in_;
  bool ending_ = false;
  bool done_ = false;
  PumpOutcome outcome_;
};

}  // namespace

Result<PumpOutcome> pump(PumpEnds& ends, DetachKeys keys, ClientTerminal& terminal) {
  return Pump(ends, std::move(keys), terminal).run();
}

}  // namespace strata::containers
