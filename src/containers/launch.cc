#include "containers/launch.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <csignal>

#include "base/strings.h"
#include "containers/release.h"
#include "sys/event_loop.h"
#include "sys/file.h"
#include "sys/forked_child.h"
#include "sys/message_socket.h"
#include "sys/terminal.h"

namespace strata::containers {
namespace {

constexpr std::string_view kErrorWord = "error ";

std::string encode(const Error& error) {
  std::string message = error.message();
  if (message.size() > sys::kMaxMessageSize / 2) message.resize(sys::kMaxMessageSize / 2);
  return fmt::format("{}{} {} {}", kErrorWord, static_cast<int>(error.kind()), error.error_number(), message);
}

std::optional<Error> decode_error(std::string_view text) {
  if (!text.starts_with(kErrorWord)) return std::nullopt;
  text.remove_prefix(kErrorWord.size());
  const std::size_t first = text.find(' ');
  const std::size_t second = text.find(' ', first + 1);
  if (second == std::string_view::npos) return Error(ErrorKind::kInternal, std::string(text));
  const auto kind = parse_unsigned(text.substr(0, first));
  const auto number = parse_unsigned(text.substr(first + 1, second - first - 1));
  return Error(static_cast<ErrorKind>(kind.value_or(static_cast<int>(ErrorKind::kInternal))),
               std::string(text.substr(second + 1)), static_cast<int>(number.value_or(0)));
}

// What runs in P.
class P {
 public:
  P(LaunchOptions& options, int channel) : options_(options), channel_(channel) {}

  int run() {
    const Result<> done = go();
    // Also when nobody listens any more: what was made is undone all the same.
    if (!done) (void)!sys::send_message(channel_, encode(done.error()));
    return done ? 0 : 1;
  }

 private:
  Result<> go();
  Result<> ask_for_network(int netns);
  Result<> become_monitor(runtime::Created created);
  Result<> wait_for_init(runtime::Created created);

  LaunchOptions& options_;
  int channel_;
};

Result<> P::ask_for_network(int netns) {
  TRY(sys::send_message(channel_, "network", std::span(&netns, 1)));
  const sys::Message answer = TRY(sys::receive_message(channel_));
  if (std::optional<Error> failed = decode_error(answer.bytes)) return std::move(*failed);
  if (answer.bytes != "ok") return error(ErrorKind::kCancelled, "the command that started the container was killed");
  return {};
}

Result<> P::go() {
  TRY(leave_cgroup(), "leave the caller's cgroup");
  ContainerStdio stdio;
  runtime::Stdio streams;
  if (options_.monitor != nullptr) {
    stdio = options_.monitor->take_container_stdio();
    streams = {stdio.in ? stdio.in.get() : -1, stdio.out ? stdio.out.get() : -1, stdio.err ? stdio.err.get() : -1};
  } else {
    streams = {-1, options_.output, options_.output};
  }
  runtime::CreateOptions create = {
      .spec = options_.spec, .rootfs_mount = options_.rootfs_mount, .stdio = streams, .seccomp = options_.seccomp};
  if (options_.configure_network)
    create.configure_network = [this](int netns, pid_t) { return ask_for_network(netns); };
  runtime::Created created = TRY(runtime::create(create));
  if (created.terminal() && options_.terminal_rows != 0)
    TRY(sys::resize_terminal(created.terminal().get(), {options_.terminal_rows, options_.terminal_columns}));

  RunStatus status;
  status.boot_id = TRY(sys::boot_id());
  status.init = {created.pid(), TRY(sys::start_time(created.pid()))};
  status.monitor = TRY(own_identity());
  TRY(runtime::start(created));
  status.started = now();
  // From here on it counts as started, whoever is killed.
  Result<> written = options_.status_path.empty() ? Result<>() : write_status(options_.status_path, status);
  if (written)
    written = sys::send_message(
        channel_, fmt::format("started {} {} {} {} {}", status.init.pid, status.init.start_time, status.monitor.pid,
                              status.monitor.start_time, status.started.time_since_epoch().count()));
  if (!written && written.error().error_number() != EPIPE) {
    (void)!sys::send_signal(created.pidfd(), SIGKILL);
    (void)!created.init().wait();
    if (!options_.status_path.empty()) (void)!sys::remove_file(options_.status_path);
    return written;
  }
  if (options_.monitor == nullptr) return wait_for_init(std::move(created));
  return become_monitor(std::move(created));
}

Result<> P::become_monitor(runtime::Created created) {
  MonitoredInit init = {.pid = created.pid(),
                        .pidfd = TRY(sys::duplicate(created.pidfd())),
                        .terminal_master = std::move(created.terminal())};
  Error failed = options_.monitor->become_monitor(std::move(init), std::move(options_.client), options_.client_owns,
                                                  std::move(options_.held_ports));
  (void)!created.init().kill(SIGKILL);
  (void)!created.init().wait();
  (void)!sys::remove_file(options_.status_path);
  return std::move(failed).with_context("start the monitor");
}

Result<> P::wait_for_init(runtime::Created created) {
  pollfd entries[] = {{.fd = created.pidfd(), .events = POLLIN}, {.fd = channel_, .events = POLLIN}};
  TRY(sys::wait_ready(entries));
  if (entries[0].revents == 0) TRY(created.init().kill(SIGKILL));  // our creator is gone, or wants it to end
  const sys::ExitStatus status = TRY(created.init().wait());
  (void)!sys::send_message(channel_, fmt::format("ended {} {}", status.code, status.signal));
  return {};
}

std::optional<Launched::Started> parse_started(std::string_view text) {
  const std::vector<std::string_view> words = split(text, ' ');
  if (words.size() != 6 || words[0] != "started") return std::nullopt;
  std::array<std::int64_t, 5> numbers{};
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const auto number = parse_signed(words[i + 1]);
    if (!number) return std::nullopt;
    numbers[i] = *number;
  }
  return Launched::Started{
      .init = {static_cast<pid_t>(numbers[0]), static_cast<std::uint64_t>(numbers[1])},
      .monitor = {static_cast<pid_t>(numbers[2]), static_cast<std::uint64_t>(numbers[3])},
      .started = Timestamp(std::chrono::nanoseconds(numbers[4])),
  };
}

}  // namespace

Result<Launched> Launched::launch(LaunchOptions options) {
  sys::SocketPair pair = TRY(sys::make_socket_pair(SOCK_SEQPACKET));
  sys::ForkOptions fork = {.new_session = true};
  // Other threads of a build may have descriptors open whose end somebody waits for.
  if (options.monitor == nullptr) fork.keep = {pair.second.get(), options.rootfs_mount, options.output, options.lock};
  sys::Child child = TRY(sys::fork_child(fork, [&] {
    pair.first.reset();
    return P(options, pair.second.get()).run();
  }));
  return Launched(std::move(child), std::move(pair.first), options.monitor == nullptr);
}

Result<Launched::Started> Launched::wait_started(const std::function<Result<>(int netns)>& attach) {
  std::optional<Started> started;
  for (;;) {
    Result<sys::Message> message = sys::receive_message(channel_.get());
    if (message && !message->bytes.empty()) {
      if (message->bytes == "network" && message->fds.size() == 1) {
        const Result<> attached = attach(message->fds[0].get());
        message->fds.clear();
        // P may be gone: then the next message is its end.
        (void)!sys::send_message(channel_.get(), attached ? "ok" : encode(attached.error()));
        continue;
      }
      if ((started = parse_started(message->bytes))) {
        if (transient_) return std::move(*started);
        continue;
      }
    }
    std::optional<Error> failed = !message ? std::move(message).take_error() : decode_error(message->bytes);
    if (message && message->bytes.empty() && started) return std::move(*started);
    channel_.reset();
    (void)!child_.wait();
    if (failed) return std::move(*failed);
    return error(ErrorKind::kInternal, "the process that starts the container was killed");
  }
}

void Launched::kill() { (void)!sys::send_message(channel_.get(), "kill"); }

Result<sys::ExitStatus> Launched::wait_ended() {
  std::optional<sys::ExitStatus> ended;
  while (channel_) {
    const sys::Message message = TRY(sys::receive_message(channel_.get()));
    const std::vector<std::string_view> words = split(message.bytes, ' ');
    if (words.size() == 3 && words[0] == "ended")
      ended = sys::ExitStatus{static_cast<int>(parse_unsigned(words[1]).value_or(255)),
                              static_cast<int>(parse_unsigned(words[2]).value_or(0))};
    else
      channel_.reset();
  }
  (void)!child_.wait();
  if (ended) return *ended;
  return error(ErrorKind::kCancelled, "the container was ended");
}

}  // namespace strata::containers
