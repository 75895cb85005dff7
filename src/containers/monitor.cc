#include "containers/monitor.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include <charconv>
#include <utility>

#include "sys/appended_file.h"
#include "sys/become.h"
#include "sys/event_loop.h"
#include "sys/pidfd.h"
#include "sys/terminal.h"
#include "sys/unix_socket.h"

namespace strata::containers {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;

// How long the terminal of an ended container may still be held by others, and how long after its end a
// foreign init may wait for its parent to reap it.
constexpr milliseconds kGrace{500};
// After so long a silence memory is given back.
constexpr milliseconds kQuiet{1000};

enum Entry : std::size_t { kInit, kSource0, kSource1, kSink, kListener, kTeardown, kFirstLink };

LogTime wall_clock() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return {now.tv_sec, now.tv_nsec};
}

// Text put together in place.
template <std::size_t N>
class Text {
 public:
  Text& operator<<(std::string_view text) {
    for (const char c : text)
      if (size_ < N) chars_[size_++] = c;
    return *this;
  }
  Text& operator<<(int number) {
    std::array<char, 12> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number).ptr;
    return *this << std::string_view(digits.data(), end);
  }
  Text& operator<<(char) = delete;  // would be taken for a number
  std::string_view view() const { return {chars_.data(), size_}; }

 private:
  std::array<char, N> chars_;
  std::size_t size_ = 0;
};

}  // namespace

Result<Monitor> Monitor::create(const MonitorArguments& arguments) {
  Monitor monitor(arguments);
  monitor.run_directory_.reset(arguments.run_directory);
  monitor.listener_.reset(arguments.listener);
  monitor.init_.reset(arguments.init_pidfd);
  monitor.stdin_.reset(arguments.stdin_fifo);
  monitor.sources_[0].fd.reset(arguments.stdout_fifo);
  monitor.sources_[1].fd.reset(arguments.stderr_fifo);
  monitor.sources_[1].stream = LogStream::kStderr;
  if (arguments.terminal >= 0) {
    monitor.terminal_ = sys::UniqueFd(arguments.terminal);
    TRY(sys::set_nonblocking(arguments.terminal, true));
    monitor.sources_[0].fd = TRY(sys::duplicate(arguments.terminal));
    // So that a container which closes its terminal for a while does not end it.
    if (auto end = sys::open_terminal_of(arguments.terminal)) monitor.own_terminal_end_ = std::move(*end);
  }
  if (arguments.client >= 0) {
    TRY(sys::set_nonblocking(arguments.client, true));
    monitor.links_[0] = TRY(MonitorLink::create(sys::UniqueFd(arguments.client), true));
    monitor.links_[0].owns = arguments.client_owns;
    monitor.links_[0].greeted = true;
  }
  monitor.chunk_ = TRY(sys::PageBuffer::create(kMaxPayload));
  // A container runs without a log rather than not at all.
  if (!arguments.log_path.empty())
    if (auto log = LogWriter::open(arguments.log_path, {arguments.log_max_size, arguments.log_max_files}))
      monitor.log_ = std::move(*log);
  return monitor;
}

Result<> Monitor::run() {
  while (phase_ != Phase::kFlushing || !all_flushed()) TRY(wait_and_handle());
  return {};
}

Result<> Monitor::wait_and_handle() {
  std::array<pollfd, kFirstLink + kMaxClients> entries;
  entries.fill({-1, 0, 0});
  const bool room = clients_have_room();
  if (phase_ == Phase::kRunning)
    // A foreign init's end is known for certain only when its parent has reaped it: POLLHUP, always told.
    entries[kInit] = {init_.get(), static_cast<short>(deadline_ ? 0 : POLLIN), 0};
  for (std::size_t i = 0; i < sources_.size() && room; ++i) entries[kSource0 + i] = {sources_[i].fd.get(), POLLIN, 0};
  bool input_waits = false;
  bool free_link = false;
  for (std::size_t i = 0; i < kMaxClients; ++i) {
    MonitorLink& link = links_[i];
    free_link |= !link.open();
    if (!link.open()) continue;
    input_waits |= !link.stdin_waiting().empty();
    entries[kFirstLink + i] = {link.fd(), static_cast<short>(POLLIN | (link.waiting() > 0 ? POLLOUT : 0)), 0};
  }
  if (input_waits) entries[kSink] = {(terminal_ ? terminal_ : stdin_).get(), POLLOUT, 0};
  if (free_link) entries[kListener] = {listener_.get(), POLLIN, 0};
  entries[kTeardown] = {teardown_.get(), POLLIN, 0};

  const int timeout = next_timeout();
  const bool ready = TRY(sys::wait_ready(entries, timeout < 0 ? std::nullopt : std::optional(milliseconds(timeout))));
  if (!ready && restless_) rest();

  for (std::size_t i = 0; i < kMaxClients; ++i) {
    const short events = entries[kFirstLink + i].revents;
    if ((events & POLLOUT) != 0) links_[i].flush();
    if ((events & (POLLIN | POLLHUP | POLLERR)) != 0) receive_from(links_[i]);
  }
  for (std::size_t i = 0; i < sources_.size(); ++i)
    if (entries[kSource0 + i].revents != 0) read_source(sources_[i]);
  pump_stdin();
  if (entries[kListener].revents != 0) accept_client();
  if (entries[kTeardown].revents != 0) {
    sys::reap(teardown_.get());
    teardown_.reset();
    phase_ = Phase::kFlushing;
  }
  drop_impatiently();
  if (phase_ == Phase::kRunning && (entries[kInit].revents != 0 || deadline_)) init_may_have_ended();
  if (phase_ == Phase::kEnding) finish_output();
  return {};
}

int Monitor::next_timeout() const {
  nanoseconds next = nanoseconds::max();
  const nanoseconds now = sys::monotonic_now();
  if (restless_) next = kQuiet;
  if (deadline_) next = std::min(next, *deadline_ - now);
  for (const MonitorLink& link : links_)
    if (link.open() && !link.foreground && link.waiting() > 0)
      next = std::min(next, link.last_progress() + kPatience - now);
  if (next == nanoseconds::max()) return -1;
  return static_cast<int>(std::max<std::int64_t>(0, duration_cast<milliseconds>(next).count() + 1));
}

// While init runs a client may lag a little; what is in the pipes at its end goes to the clients' queues
// as far as these are large, so that the end is not told late.
bool Monitor::clients_have_room() const {
  for (const MonitorLink& link : links_) {
    if (!link.open() || (link.wants & (kWantStdout | kWantStderr)) == 0) continue;
    if (phase_ == Phase::kRunning ? link.waiting() > MonitorLink::kEnoughWaiting : !link.room()) return false;
  }
  return true;
}

void Monitor::read_source(Source& source) {
  restless_ = true;
  const auto count = sys::read_now(source.fd.get(), chunk_.bytes());
  if (count && !*count) {
    // Nothing more just now. After init's end that is the end; a terminal says it itself, if a little later.
    if (phase_ == Phase::kEnding && !terminal_) source.fd.reset();
    return;
  }
  if (!count || **count == 0) {
    source.fd.reset();
    return;
  }
  const auto output = chunk_.bytes().first(**count);
  log_.write(source.stream, wall_clock(), output);
  const bool is_stdout = source.stream == LogStream::kStdout;
  for (MonitorLink& link : links_)
    if (link.open() && (link.wants & (is_stdout ? kWantStdout : kWantStderr)) != 0)
      link.send(is_stdout ? FrameType::kStdout : FrameType::kStderr, output);
}

void Monitor::pump_stdin() {
  for (MonitorLink& link : links_) {
    for (auto input = link.stdin_waiting(); !input.empty(); input = link.stdin_waiting()) {
      const sys::UniqueFd& sink = terminal_ ? terminal_ : stdin_;
      // Input that the container does not want any more is taken all the same.
      std::size_t taken = input.size();
      if (sink) {
        const auto written = sys::write_now(sink.get(), input);
        if (written)
          taken = *written;
        else if (!terminal_)
          stdin_.reset();
      }
      if (taken == 0) break;
      link.stdin_taken(taken);
    }
    if (link.open() && link.stdin_ended && arguments_.stdin_once && link.stdin_waiting().empty()) stdin_.reset();
  }
}

void Monitor::accept_client() {
  auto socket = sys::accept_waiting(listener_.get());
  if (!socket || !*socket) return;
  for (MonitorLink& link : links_) {
    if (link.open()) continue;
    if (auto made = MonitorLink::create(std::move(**socket), false)) link = std::move(*made);
    return;
  }
}

void Monitor::receive_from(MonitorLink& link) {
  if (!link.open()) return;
  restless_ = true;
  if (!link.receive([&](const Frame& frame) { handle(link, frame); })) drop(link);
}

void Monitor::handle(MonitorLink& link, const Frame& frame) {
  switch (frame.type) {
    case FrameType::kHello:
      if (const auto hello = payload_as<Hello>(frame.payload)) {
        link.wants = hello->flags & (kWantStdout | kWantStderr | kWantStdin);
        link.send_value(FrameType::kHello, Hello{terminal_ ? 1U : 0U, arguments_.init_pid});
        // Who comes late is told at once.
        if (phase_ >= Phase::kTearingDown && !link.greeted) link.send_value(FrameType::kExit, exit_);
        link.greeted = true;
      }
      break;
    case FrameType::kStdinEnd:
      link.stdin_ended = (link.wants & kWantStdin) != 0;
      break;
    case FrameType::kResize:
      if (const auto size = payload_as<Resize>(frame.payload); size && terminal_)
        (void)sys::resize_terminal(terminal_.get(), {size->rows, size->columns});
      break;
    case FrameType::kSignal:
      if (const auto signal = payload_as<std::int32_t>(frame.payload)) (void)sys::signal_process(init_.get(), *signal);
      break;
    case FrameType::kOwn:
      link.owns = true;
      break;
    case FrameType::kTornDown:
      if (link.asked_to_tear_down && phase_ == Phase::kTearingDown) phase_ = Phase::kFlushing;
      break;
    default:
      break;  // of a later version
  }
}

void Monitor::drop(MonitorLink& link) {
  pump_stdin();  // what was typed before a detach
  const bool fed = (link.wants & kWantStdin) != 0;
  const bool tears_down = link.asked_to_tear_down;
  link.close();
  if (fed && arguments_.stdin_once) stdin_.reset();
  if (tears_down && phase_ == Phase::kTearingDown) start_teardown();
}

void Monitor::drop_impatiently() {
  const nanoseconds now = sys::monotonic_now();
  for (MonitorLink& link : links_)
    if (link.open() && !link.foreground && link.waiting() > 0 && now - link.last_progress() > kPatience) drop(link);
}

void Monitor::rest() {
  log_.rest();
  chunk_.forget();
  for (MonitorLink& link : links_) link.rest();
  restless_ = false;
}

void Monitor::init_may_have_ended() {
  if (!arguments_.adopted) {
    const auto status = sys::exit_of_child(init_.get());
    if (status && *status) ended((*status)->code, (*status)->signal, true);
    if (status) return;
  }
  if (const auto status = sys::exit_of_stranger(init_.get(), arguments_.init_pid)) {
    ended(status->code, status->signal, true);
  } else if (!deadline_) {
    deadline_ = sys::monotonic_now() + kGrace;
  } else if (sys::monotonic_now() >= *deadline_) {
    ended(255, 0, false);
  }
}

void Monitor::ended(std::int32_t code, std::int32_t signal, bool known) {
  const LogTime now = wall_clock();
  exit_ = {.code = code,
           .signal = signal,
           .known = known,
           .finished_seconds = now.seconds,
           .finished_nanoseconds = now.nanoseconds};
  for (int fd = arguments_.held_first; fd >= 0 && fd <= arguments_.held_last; ++fd) sys::UniqueFd{fd};
  own_terminal_end_.reset();
  deadline_ = sys::monotonic_now() + kGrace;  // for the terminal
  phase_ = Phase::kEnding;
}

void Monitor::finish_output() {
  for (Source& source : sources_) {
    while (!source.ended() && !terminal_ && clients_have_room()) read_source(source);
    if (!source.ended() && terminal_) {
      const nanoseconds now = sys::monotonic_now();
      if (!clients_have_room()) deadline_ = now + kGrace;
      if (now >= *deadline_) source.fd.reset();
    }
    if (!source.ended()) return;
  }
  deadline_.reset();
  log_.finish(wall_clock());
  write_exit_file();
  if (!arguments_.adopted) sys::reap(init_.get());
  phase_ = Phase::kTearingDown;
  tell_exit();
}

void Monitor::write_exit_file() {
  std::array<char, 30> finished;
  format_log_time({exit_.finished_seconds, exit_.finished_nanoseconds}, finished);
  Text<256> text;
  text << "{\"version\":1,\"code\":" << exit_.shell_code() << ",\"signal\":" << exit_.signal << ",\"finished\":\""
       << std::string_view(finished.data(), finished.size()) << "\"";
  if (exit_.known == 0)
    text << ",\"error\":\"the exit code is unknown: the monitor was killed, and this kernel tells only the parent\"";
  text << "}\n";
  // Should the disk be full: the clients are told all the same, and the teardown finds an unknown end.
  (void)sys::replace_in(run_directory_.get(), "exit.json", text.view());
}

// Tells the clients. The first of those that offered to tears down; if none did, the command is started.
void Monitor::tell_exit() {
  bool chosen = false;
  for (MonitorLink& link : links_) {
    if (!link.open() || !link.greeted) continue;
    Exit exit = exit_;
    exit.tear_down = link.asked_to_tear_down = link.owns && !std::exchange(chosen, chosen || link.owns);
    link.send_value(FrameType::kExit, exit);
  }
  for (const MonitorLink& link : links_)
    if (link.open() && link.asked_to_tear_down) return;
  start_teardown();
}

void Monitor::start_teardown() {
  phase_ = Phase::kFlushing;
  if (arguments_.teardown.empty()) return;
  const auto& argv = arguments_.teardown;  // the end of our own argv, so a null pointer follows
  auto child = sys::start_detached(argv[0], {}, argv.data(), environ);
  if (!child) return;  // the next command's sweep finds the container
  teardown_ = std::move(child->pidfd);
  phase_ = Phase::kTearingDown;
}

bool Monitor::all_flushed() const {
  for (const MonitorLink& link : links_)
    if (link.open() && link.waiting() > 0) return false;
  return true;
}

}  // namespace strata::containers
