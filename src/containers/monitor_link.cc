#include "containers/monitor_link.h"

#include <cstring>

#include "sys/event_loop.h"
#include "sys/unix_socket.h"

namespace strata::containers {
namespace {

// The link's memory: frames being put together, input for the container, output for the client. After the
// container's exit the output that pipes still held (64 KiB each) must fit without waiting.
constexpr std::size_t kDecoderSize = kFrameHeaderSize + kMaxPayload;
constexpr std::size_t kStdinAt = 36 << 10;  // whole pages
constexpr std::size_t kStdinSize = kStdinWindow;
constexpr std::size_t kOutAt = kStdinAt + kStdinSize;
constexpr std::size_t kOutSize = 256 << 10;
constexpr std::size_t kReserve = 1 << 10;  // for frames that are not output
static_assert(kStdinAt >= kDecoderSize);

constexpr std::uint32_t kReportTaken = 16 << 10;

}  // namespace

Result<MonitorLink> MonitorLink::create(sys::UniqueFd socket, bool foreground) {
  MonitorLink link;
  link.memory_ = TRY(sys::PageBuffer::create(kOutAt + kOutSize));
  link.decoder_ = FrameDecoder(link.memory_.bytes().first(kDecoderSize));
  link.socket_ = std::move(socket);
  link.foreground = foreground;
  if (foreground) link.wants = kWantStdout | kWantStderr | kWantStdin;
  link.last_progress_ = sys::monotonic_now();
  return link;
}

void MonitorLink::close() { *this = MonitorLink(); }

Result<bool> MonitorLink::read_more() {
  const auto count = TRY(sys::read_now(fd(), decoder_.space()));
  if (!count) return false;
  if (*count == 0) return Error(ErrorKind::kUnavailable, "the client is gone");
  decoder_.filled(*count);
  return true;
}

Result<> MonitorLink::queue_stdin(std::span<const std::byte> bytes) {
  if ((wants & kWantStdin) == 0) return {};
  const auto queue = memory_.bytes().subspan(kStdinAt, kStdinSize);
  const std::size_t waits = stdin_end_ - stdin_begin_;
  // What was taken but not reported yet still counts as the client's.
  if (waits + taken_unreported_ + bytes.size() > kStdinSize)
    return Error(ErrorKind::kCorrupt, "the client sent more input than it may");
  if (stdin_end_ + bytes.size() > kStdinSize) {
    std::memmove(queue.data(), queue.data() + stdin_begin_, waits);
    stdin_begin_ = 0;
    stdin_end_ = waits;
  }
  std::memcpy(queue.data() + stdin_end_, bytes.data(), bytes.size());
  stdin_end_ += bytes.size();
  return {};
}

std::span<const std::byte> MonitorLink::stdin_waiting() const {
  if (!open()) return {};
  return memory_.bytes().subspan(kStdinAt + stdin_begin_, stdin_end_ - stdin_begin_);
}

void MonitorLink::stdin_taken(std::size_t count) {
  stdin_begin_ += count;
  taken_unreported_ += static_cast<std::uint32_t>(count);
  if (stdin_begin_ == stdin_end_) stdin_begin_ = stdin_end_ = 0;
  if (taken_unreported_ < kReportTaken && stdin_end_ != 0) return;
  if (waiting() + kReserve / 2 > kOutSize) return;  // reported with the next bytes
  send_value(FrameType::kTaken, std::exchange(taken_unreported_, 0));
}

bool MonitorLink::room() const { return waiting() + kFrameHeaderSize + kMaxPayload + kReserve <= kOutSize; }

void MonitorLink::send(FrameType type, std::span<const std::byte> payload) {
  if (!open() || given_up_) return;
  const auto queue = memory_.bytes().subspan(kOutAt, kOutSize);
  const std::size_t needed = kFrameHeaderSize + payload.size();
  if (out_end_ + needed > kOutSize) {
    const std::size_t waits = waiting();
    if (waits + needed > kOutSize) return give_up();  // a client that floods us with hellos and reads no answer
    std::memmove(queue.data(), queue.data() + out_begin_, waits);
    out_begin_ = 0;
    out_end_ = waits;
  }
  const auto header = frame_header(type, payload.size());
  std::memcpy(queue.data() + out_end_, header.data(), header.size());
  if (!payload.empty()) std::memcpy(queue.data() + out_end_ + header.size(), payload.data(), payload.size());
  out_end_ += needed;
  flush();
}

void MonitorLink::flush() {
  if (!open()) return;
  const auto now = sys::monotonic_now();
  if (waiting() > 0) {
    const auto queue = memory_.bytes().subspan(kOutAt + out_begin_, waiting());
    const Result<std::size_t> sent = sys::send_now(fd(), queue);
    if (!sent) return give_up();
    out_begin_ += *sent;
    if (*sent > 0) last_progress_ = now;
  }
  if (waiting() == 0) {
    out_begin_ = out_end_ = 0;
    last_progress_ = now;
  }
}

void MonitorLink::give_up() {
  given_up_ = true;
  out_begin_ = out_end_ = 0;
  sys::shut_down(fd());
}

void MonitorLink::rest() {
  if (open() && waiting() == 0 && stdin_begin_ == stdin_end_ && decoder_.empty()) memory_.forget();
}

}  // namespace strata::containers
