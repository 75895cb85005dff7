// What `strata` and a running monitor say to each other on a stream socket.
//
// Both sides send frames: a header of 8 bytes, then `length` bytes of payload.
//
//   u8 version | u8 type | u16 zero | u32 length         (the machine's byte order: same machine)
//
// - A client begins with kHello; the monitor answers with its own kHello, and both then use the lower of
//   the two versions. The header's layout is the same in all versions.
// - A type that a side does not know is skipped, so that a newer strata can talk to an older monitor.
// - A payload longer than kMaxPayload is a protocol error, and the connection is closed.
// - kExit is the last frame that carries news; the monitor then closes the connection once the container
//   has been torn down (by whom ever). End of file without kExit means: the monitor was killed.
//
// Everything here is pure and allocates nothing, for the monitor's sake.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"

namespace strata::containers {

inline constexpr std::uint8_t kMonitorProtocolVersion = 1;
inline constexpr std::size_t kFrameHeaderSize = 8;
inline constexpr std::size_t kMaxPayload = 32 << 10;

enum class FrameType : std::uint8_t {
  // Both ways.
  kHello = 1,  // Hello
  // To the monitor.
  kStdin = 16,     // bytes for the container's standard input
  kStdinEnd = 17,  // no more of them
  kResize = 18,    // Resize; for containers with a terminal
  kSignal = 19,    // i32: send this signal to the container's init
  kOwn = 20,       // "I will tear the container down when I am told of its exit"
  kTornDown = 21,  // "I have"
  // From the monitor.
  kStdout = 32,  // bytes; all output of a container with a terminal
  kStderr = 33,
  kExit = 34,   // Exit
  kTaken = 35,  // u32: so many bytes of kStdin were taken by the container
};

// A client sends at most so many bytes of kStdin beyond what kTaken has acknowledged; more is a protocol
// error. So a container that does not read never keeps a signal or a resize from being seen.
inline constexpr std::uint32_t kStdinWindow = 64 << 10;

// What a client wants; a bit set.
enum HelloFlags : std::uint32_t {
  kWantStdout = 1,
  kWantStderr = 2,
  kWantStdin = 4,  // this client may feed standard input
};
struct Hello {
  std::uint32_t flags = 0;    // client: HelloFlags; monitor: 1 when the container has a terminal
  std::int32_t init_pid = 0;  // monitor: the container's init
};

struct Resize {
  std::uint16_t rows = 0;
  std::uint16_t columns = 0;
};

struct Exit {
  std::int32_t code = 0;       // exit code, when signal is 0
  std::int32_t signal = 0;     // that killed it
  std::uint8_t known = 1;      // 0: a monitor that is not the parent could not learn the code
  std::uint8_t tear_down = 0;  // 1: this client said kOwn, and it is its turn to tear down
  std::uint8_t zero[6] = {};
  std::int64_t finished_seconds = 0;  // since 1970
  std::int64_t finished_nanoseconds = 0;
  int shell_code() const { return signal != 0 ? 128 + signal : code; }
};

struct Frame {
  std::uint8_t version = kMonitorProtocolVersion;
  FrameType type{};
  std::span<const std::byte> payload;  // points into the decoder's buffer
};

std::array<std::byte, kFrameHeaderSize> frame_header(FrameType type, std::size_t length);

// The payload as a T (Hello, Resize, Exit, int32_t, uint32_t); a longer payload (a later version's) is fine.
// nullopt when it is too short.
template <class T>
std::optional<T> payload_as(std::span<const std::byte> payload);

// Puts frames together from the bytes of a stream. The buffer is the caller's and bounds the memory; it
// must hold kFrameHeaderSize + kMaxPayload bytes.
//
//   n = read(fd, decoder.space()); decoder.filled(n);
//   while (auto frame = TRY(decoder.next())) …
class FrameDecoder {
 public:
  explicit FrameDecoder(std::span<std::byte> buffer) : buffer_(buffer) {}
  FrameDecoder() = default;

  // Where to read to; never empty after next() has returned nothing.
  std::span<std::byte> space();
  void filled(std::size_t count);
  // The next whole frame, valid until space() is called. Errors: kCorrupt for a frame over the limit.
  Result<std::optional<Frame>> next();
  bool empty() const { return begin_ == end_; }  // no part of a frame waits

 private:
  std::span<std::byte> buffer_;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
};

}  // namespace strata::containers
