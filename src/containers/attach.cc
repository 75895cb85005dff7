#include "containers/attach.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "containers/client_streams.h"
#include "sys/event_loop.h"
#include "sys/file.h"
#include "sys/unix_socket.h"

namespace strata::containers {
namespace {

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// Detach keys that turn out to be none come on top of what was read.
constexpr std::uint32_t kHeldBack = DetachKeys::kMaxKeys;

// One attached session: our standard streams and signals on one side, the monitor on the other.
class Session {
 public:
  Session(MonitorClient& client, const AttachOptions& options, DetachKeys keys, ClientTerminal& terminal)
      : client_(client), options_(options), keys_(std::move(keys)), terminal_(terminal), reading_(options.want_stdin) {}

  Result<AttachOutcome> run() {
    if (options_.terminal) TRY(send_size(options_.redraw));
    while (!done_) TRY(step());
    return outcome_;
  }

 private:
  Result<> step() {
    enum { kSignals, kMonitor, kInput, kOutput };
    std::array<pollfd, 4> entries{{{terminal_.signal_fd(), POLLIN, 0}, {-1, 0, 0}, {-1, 0, 0}, {-1, 0, 0}}};
    // No more is read from the monitor than we could write: it waits, and so does the container.
    if (output_.empty())
      entries[kMonitor] = {client_.fd(), POLLIN, 0};
    else
      entries[kOutput] = {target().fd(), POLLOUT, 0};
    if (reading_ && window_ > kHeldBack) entries[kInput] = {STDIN_FILENO, POLLIN, 0};
    TRY(sys::wait_ready(entries));
    if (entries[kSignals].revents != 0) TRY(take_signals());
    if (!done_ && entries[kOutput].revents != 0) TRY(write_output());
    if (!done_ && entries[kMonitor].revents != 0) TRY(receive());
    if (!done_ && entries[kInput].revents != 0) TRY(read_input());
    return {};
  }

  OutputStream& target() { return output_is_error_ ? err_ : out_; }

  void end(AttachOutcome outcome) {
    outcome_ = outcome;
    done_ = true;
  }

  Result<> take_signals() {
    while (const auto signal = terminal_.next_signal()) {
      switch (signal->kind) {
        case ClientSignal::Kind::kResized:
          TRY(send_size(false));
          break;
        case ClientSignal::Kind::kForward:
          unless_closed(client_.send_signal(signal->number));
          break;
        case ClientSignal::Kind::kEnd:
          end({.interrupted_by = signal->number});
          return {};
      }
    }
    return {};
  }

  // A monitor that is gone is noticed where we read from it, after all that it said before.
  void unless_closed(Result<> sent) {
    if (!sent) reading_ = false;
  }

  Result<> send_size(bool redraw) {
    const auto size = ClientTerminal::size();
    if (!size) return {};
    // Only another size makes a program draw itself anew.
    if (redraw)
      unless_closed(client_.send(FrameType::kResize,
                                 bytes_of(Resize{static_cast<std::uint16_t>(size->rows + 1), size->columns})));
    unless_closed(client_.send(FrameType::kResize, bytes_of(Resize{size->rows, size->columns})));
    return {};
  }

  Result<> receive() {
    const Result<bool> more = client_.receive();
    if (!more || !*more) {
      end({});
      return {};
    }
    return take_frames();
  }

  // Up to the next output that is to be written.
  Result<> take_frames() {
    while (!done_ && output_.empty()) {
      const std::optional<Frame> frame = TRY(client_.next());
      if (!frame) return {};
      switch (frame->type) {
        case FrameType::kStdout:
        case FrameType::kStderr:
          output_is_error_ = frame->type == FrameType::kStderr;
          if (output_is_error_ ? options_.want_stderr : options_.want_stdout) output_ = frame->payload;
          break;
        case FrameType::kTaken:
          window_ += payload_as<std::uint32_t>(frame->payload).value_or(0);
          break;
        case FrameType::kExit:
          if (const auto exit = payload_as<Exit>(frame->payload)) end({.exit = exit});
          break;
        default:
          break;
      }
    }
    return {};
  }

  Result<> write_output() {
    const Result<std::size_t> written = target().write_some(output_);
    if (!written) {
      if (written.error().error_number() != EPIPE)
        return error_from(written.error().error_number(), "write the container's output");
      end({.interrupted_by = SIGPIPE});
      return {};
    }
    output_ = output_.subspan(*written);
    return output_.empty() ? take_frames() : Result<>();
  }

  Result<> read_input() {
    std::array<std::byte, 16 << 10> buffer;
    const Result<std::size_t> count = sys::read_some(
        STDIN_FILENO, std::span(buffer).first(std::min<std::size_t>(buffer.size(), window_ - kHeldBack)));
    if (!count && count.error().error_number() == EAGAIN) return {};
    if (!count || *count == 0) {  // EIO: the terminal is gone
      reading_ = false;
      unless_closed(client_.send(FrameType::kStdinEnd));
      return {};
    }
    std::string_view input(reinterpret_cast<const char*>(buffer.data()), *count);
    std::string filtered;
    bool detach = false;
    if (options_.terminal) {
      detach = keys_.filter(input, filtered);
      input = filtered;
    }
    window_ -= static_cast<std::uint32_t>(std::min<std::size_t>(input.size(), window_));
    if (!input.empty()) unless_closed(client_.send(FrameType::kStdin, std::as_bytes(std::span(input))));
    if (detach) end({.detached = true});
    return {};
  }

  MonitorClient& client_;
  const AttachOptions& options_;
  DetachKeys keys_;
  ClientTerminal& terminal_;
  OutputStream out_{STDOUT_FILENO}, err_{STDERR_FILENO};
  std::span<const std::byte> output_;  // of the frame at hand, still to be written
  bool output_is_error_ = false;
  bool reading_;
  std::uint32_t window_ = kStdinWindow;
  bool done_ = false;
  AttachOutcome outcome_;
};

}  // namespace

Result<sys::UniqueFd> connect_monitor(const std::string& run_directory) {
  const sys::UniqueFd dir = TRY(sys::open_file(run_directory, O_PATH | O_DIRECTORY));
  return TRY(sys::connect_in(dir.get(), "monitor.sock"), "{}/monitor.sock", run_directory);
}

MonitorClient::MonitorClient(sys::UniqueFd socket)
    : socket_(std::move(socket)), buffer_(kFrameHeaderSize + kMaxPayload), decoder_(buffer_) {}

Result<MonitorClient> MonitorClient::open(sys::UniqueFd socket, bool own, std::uint32_t wants) {
  MonitorClient client(std::move(socket));
  TRY(client.send(FrameType::kHello, bytes_of(Hello{wants, 0})));
  if (own) TRY(client.send(FrameType::kOwn));
  return client;
}

Result<> MonitorClient::send(FrameType type, std::span<const std::byte> payload) {
  const auto header = frame_header(type, payload.size());
  std::vector<std::byte> frame(header.begin(), header.end());
  frame.insert(frame.end(), payload.begin(), payload.end());
  return sys::send_all(socket_.get(), frame);
}

Result<> MonitorClient::send_signal(int signal) {
  return send(FrameType::kSignal, bytes_of(static_cast<std::int32_t>(signal)));
}

Result<> MonitorClient::torn_down() { return send(FrameType::kTornDown); }

Result<bool> MonitorClient::receive() {
  const Result<std::size_t> count = sys::read_some(socket_.get(), decoder_.space());
  // A monitor that ends with frames of ours unread resets the connection; all it sent was read before.
  if (!count && count.error().error_number() == ECONNRESET) return false;
  if (!count) return count.error();
  decoder_.filled(*count);
  return *count > 0;
}

Result<std::optional<Frame>> MonitorClient::next() { return decoder_.next(); }

Result<std::optional<Exit>> MonitorClient::wait_exit() {
  while (true) {
    while (const std::optional<Frame> frame = TRY(next()))
      if (frame->type == FrameType::kExit) return payload_as<Exit>(frame->payload);
    if (!TRY(receive())) return std::optional<Exit>();
  }
}

Result<> MonitorClient::wait_closed() {
  while (TRY(receive()))
    while (TRY(next())) {
    }
  return {};
}

std::uint32_t AttachOptions::hello_flags() const {
  return (want_stdout ? kWantStdout : 0U) | (want_stderr ? kWantStderr : 0U) | (want_stdin ? kWantStdin : 0U);
}

Result<AttachOutcome> attach(MonitorClient& client, const AttachOptions& options) {
  DetachKeys keys = TRY(DetachKeys::parse(options.detach_keys));
  ClientTerminal terminal = TRY(ClientTerminal::enter({.raw = options.terminal && options.want_stdin,
                                                       .resize = options.terminal,
                                                       .forward = options.signal_proxy && !options.terminal}));
  return Session(client, options, std::move(keys), terminal).run();
}

}  // namespace strata::containers
