// The monitor's side of one connection: what the client sent and what is on its way to it, in bounded
// memory. No libfmt and no heap here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "containers/monitor_protocol.h"
#include "sys/page_buffer.h"
#include "sys/unique_fd.h"

namespace strata::containers {

class MonitorLink {
 public:
  // More waiting output than this, and the monitor reads no more from the container until the client has
  // taken some.
  static constexpr std::size_t kEnoughWaiting = 64 << 10;

  MonitorLink() = default;
  // `foreground`: it came with the start, is attached to all streams, and is waited for without limit.
  static Result<MonitorLink> create(sys::UniqueFd socket, bool foreground);

  bool open() const { return static_cast<bool>(socket_); }
  int fd() const { return socket_.get(); }
  void close();

  // Reads what the client sent and hands frames to `handle` (a callable of const Frame&); kStdin goes into the queue
  // and is not handed on. Errors, the end of the connection among them, mean that the link is of no more use.
  template <class Handle>
  Result<> receive(Handle&& handle) {
    if (!TRY(read_more())) return {};
    while (const std::optional<Frame> frame = TRY(decoder_.next())) {
      if (frame->type == FrameType::kStdin)
        TRY(queue_stdin(frame->payload));
      else
        handle(*frame);
    }
    return {};
  }

  // Queues a frame, and sends what can be sent. There must be room (see room()).
  void send(FrameType type, std::span<const std::byte> payload);
  template <class T>
  void send_value(FrameType type, const T& value) {
    send(type, std::as_bytes(std::span(&value, 1)));
  }
  // Sends what waits, as far as it goes. A connection that takes nothing any more is given up: what waits is
  // dropped, and receive() comes to its end.
  void flush();

  std::size_t waiting() const { return out_end_ - out_begin_; }
  // Whether another full frame of output fits.
  bool room() const;
  // When the client last took something, or nothing was waiting.
  std::chrono::nanoseconds last_progress() const { return last_progress_; }
  // Gives back memory that nothing waits in.
  void rest();

  // Input for the container that waits.
  std::span<const std::byte> stdin_waiting() const;
  void stdin_taken(std::size_t count);

  std::uint32_t wants = 0;  // HelloFlags
  bool foreground = false;
  bool greeted = false;  // said kHello, so it is to be told of the exit
  bool owns = false;     // said kOwn
  bool asked_to_tear_down = false;
  bool stdin_ended = false;

 private:
  Result<bool> read_more();
  void give_up();
  Result<> queue_stdin(std::span<const std::byte> bytes);

  sys::UniqueFd socket_;
  sys::PageBuffer memory_;
  FrameDecoder decoder_;
  std::size_t out_begin_ = 0, out_end_ = 0;
  std::size_t stdin_begin_ = 0, stdin_end_ = 0;
  std::uint32_t taken_unreported_ = 0;
  bool given_up_ = false;
  std::chrono::nanoseconds last_progress_{};
};

}  // namespace strata::containers
