#include "sys/event_loop.h"

#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

namespace strata::sys {

Result<bool> wait_ready(std::span<pollfd> entries, std::optional<Milliseconds> timeout) {
  const int milliseconds = timeout ? static_cast<int>(timeout->count()) : -1;
  while (true) {
    const int n = ::poll(entries.data(), entries.size(), milliseconds);
    if (n >= 0) return n > 0;
    if (errno != EINTR) return Error::from_errno(errno, "poll");
  }
}

Result<std::optional<std::size_t>> read_now(int fd, std::span<std::byte> buffer) {
  while (true) {
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n >= 0) return std::optional(static_cast<std::size_t>(n));
    if (errno == EAGAIN) return std::optional<std::size_t>();
    if (errno == EIO) return std::optional(std::size_t{0});
    if (errno != EINTR) return Error::from_errno(errno, "read");
  }
}

Result<std::size_t> write_now(int fd, std::span<const std::byte> bytes) {
  while (true) {
    const ssize_t n = ::write(fd, bytes.data(), bytes.size());
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN) return std::size_t{0};
    if (errno != EINTR) return Error::from_errno(errno, "write");
  }
}

void ignore_signals(std::initializer_list<int> signals) {
  struct sigaction action{};
  action.sa_handler = SIG_IGN;
  for (const int signal : signals) ::sigaction(signal, &action, nullptr);
}

NoPipeSignal::NoPipeSignal() {
  struct sigaction action{};
  action.sa_handler = SIG_IGN;
  ::sigaction(SIGPIPE, &action, &before_);
}

NoPipeSignal::NoPipeSignal(NoPipeSignal&& other) noexcept
    : before_(other.before_), active_(std::exchange(other.active_, false)) {}

NoPipeSignal::~NoPipeSignal() {
  if (active_) ::sigaction(SIGPIPE, &before_, nullptr);
}

std::chrono::nanoseconds monotonic_now() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec);
}

Result<SignalFd> SignalFd::create(std::initializer_list<int> signals) {
  sigset_t set;
  ::sigemptyset(&set);
  for (const int signal : signals) ::sigaddset(&set, signal);
  return create(set);
}

Result<SignalFd> SignalFd::create(const sigset_t& signals) {
  UniqueFd fd(::signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK));
  if (!fd) return Error::from_errno(errno, "signalfd");
  sigset_t before;
  if (const int failed = ::pthread_sigmask(SIG_BLOCK, &signals, &before); failed != 0)
    return Error::from_errno(failed, "block signals");
  return SignalFd(std::move(fd), before);
}

SignalFd::SignalFd(SignalFd&& other) noexcept : fd_(std::move(other.fd_)), before_(other.before_) {}

SignalFd::~SignalFd() {
  if (fd_) ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

std::optional<int> SignalFd::next() {
  signalfd_siginfo info;
  while (true) {
    const ssize_t n = ::read(fd_.get(), &info, sizeof info);
    if (n == static_cast<ssize_t>(sizeof info)) return static_cast<int>(info.ssi_signo);
    if (n >= 0 || errno != EINTR) return std::nullopt;
  }
}

}  // namespace strata::sys
