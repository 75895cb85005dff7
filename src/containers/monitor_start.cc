#include "containers/monitor_start.h"

#include <fcntl.h>
#include <unistd.h>

#include <string>
#include <utility>

#include "sys/become.h"
#include "sys/fifo.h"
#include "sys/file.h"
#include "sys/pidfd.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace strata::containers {
namespace {

constexpr const char* kSocket = "monitor.sock";
constexpr int kFirstFd = 3;  // sys::become numbers them from here

// The argument list and the descriptors it names, grown side by side.
class Command {
 public:
  explicit Command(const MonitorConfig& config) { arguments_ = {"strata-monitor", config.container_id}; }
  void fd(std::string_view name, const sys::UniqueFd& fd) {
    if (fd) arguments_.push_back(fmt::format("{}={}", name, next(fd)));
  }
  void init(const MonitoredInit& init) { arguments_.push_back(fmt::format("init={}:{}", next(init.pidfd), init.pid)); }
  void held(const std::vector<sys::UniqueFd>& fds) {
    if (fds.empty()) return;
    const int first = next(fds.front());
    for (std::size_t i = 1; i < fds.size(); ++i) next(fds[i]);
    arguments_.push_back(fmt::format("held={}-{}", first, first + static_cast<int>(fds.size()) - 1));
  }
  void word(std::string text) { arguments_.push_back(std::move(text)); }

  std::vector<std::string>& arguments() { return arguments_; }
  const std::vector<int>& fds() const { return fds_; }

 private:
  int next(const sys::UniqueFd& fd) {
    fds_.push_back(fd.get());
    return kFirstFd + static_cast<int>(fds_.size()) - 1;
  }
  std::vector<std::string> arguments_;
  std::vector<int> fds_;
};

void add_settings(Command& command, const MonitorConfig& config) {
  if (!config.log_path.empty()) {
    command.word("log=" + config.log_path);
    command.word(fmt::format("log-size={}", config.log_max_size));
    command.word(fmt::format("log-files={}", config.log_max_files));
  }
  if (config.stdin_once) command.word("stdin-once");
  if (config.teardown_command.empty()) return;
  command.word("--");
  for (const std::string& argument : config.teardown_command) command.word(argument);
}

// Ours for tests and debugging; nothing of the caller's environment belongs to a process that stays.
std::vector<char*> kept_environment() {
  std::vector<char*> kept;
  for (char** entry = environ; *entry != nullptr; ++entry)
    if (std::string_view(*entry).starts_with("STRATA_")) kept.push_back(*entry);
  kept.push_back(nullptr);
  return kept;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& s : strings) result.push_back(s.data());
  result.push_back(nullptr);
  return result;
}

}  // namespace

Result<MonitorSetup> MonitorSetup::prepare(MonitorConfig config) {
  MonitorSetup setup(std::move(config));
  const MonitorConfig& c = setup.config_;
  setup.run_directory_ = TRY(sys::open_file(c.run_directory, O_RDONLY | O_DIRECTORY));
  const int dir = setup.run_directory_.get();
  TRY(sys::make_private(dir), "{}", c.run_directory);
  setup.listener_ = TRY(sys::listen_in(dir, kSocket), "{}/{}", c.run_directory, kSocket);
  if (c.terminal) return setup;
  TRY(sys::make_fifo(dir, "stdout"), "{}/stdout", c.run_directory);
  TRY(sys::make_fifo(dir, "stderr"), "{}/stderr", c.run_directory);
  sys::FifoEnds out = TRY(sys::open_output_fifo(dir, "stdout"), "{}/stdout", c.run_directory);
  sys::FifoEnds err = TRY(sys::open_output_fifo(dir, "stderr"), "{}/stderr", c.run_directory);
  sys::FifoEnds in;
  if (c.open_stdin) {
    TRY(sys::make_fifo(dir, "stdin"), "{}/stdin", c.run_directory);
    in = TRY(sys::open_input_fifo(dir, "stdin"), "{}/stdin", c.run_directory);
  } else {
    in.theirs = TRY(sys::open_file("/dev/null", O_RDONLY));
  }
  setup.in_ = std::move(in.ours);
  setup.out_ = std::move(out.ours);
  setup.err_ = std::move(err.ours);
  setup.container_ = {std::move(in.theirs), std::move(out.theirs), std::move(err.theirs)};
  return setup;
}

Result<MonitorSetup> MonitorSetup::adopt(MonitorConfig config) {
  MonitorSetup setup(std::move(config));
  const MonitorConfig& c = setup.config_;
  setup.run_directory_ = TRY(sys::open_file(c.run_directory, O_RDONLY | O_DIRECTORY));
  const int dir = setup.run_directory_.get();
  if (!c.terminal) {
    setup.out_ = TRY(sys::reopen_output_fifo(dir, "stdout"), "{}/stdout", c.run_directory);
    setup.err_ = TRY(sys::reopen_output_fifo(dir, "stderr"), "{}/stderr", c.run_directory);
  }
  setup.listener_ = TRY(sys::listen_in(dir, kSocket), "{}/{}", c.run_directory, kSocket);
  return setup;
}

Error MonitorSetup::become_monitor(MonitoredInit init, sys::UniqueFd client, bool client_owns,
                                   std::vector<sys::UniqueFd> held_ports) {
  container_ = {};
  Command command(config_);
  command.fd("run", run_directory_);
  command.fd("listen", listener_);
  command.init(init);
  command.fd("in", in_);
  command.fd("out", out_);
  command.fd("err", err_);
  command.fd("tty", init.terminal_master);
  command.fd("client", client);
  command.held(held_ports);
  if (client && client_owns) command.word("owner");
  add_settings(command, config_);
  const auto argv = pointers(command.arguments());
  const auto envp = kept_environment();
  return sys::become(config_.program.c_str(), command.fds(), argv.data(), envp.data());
}

Result<pid_t> MonitorSetup::start_adopter(MonitoredInit init, std::vector<sys::UniqueFd> held_ports) {
  Command command(config_);
  command.fd("run", run_directory_);
  command.fd("listen", listener_);
  command.init(init);
  command.fd("out", out_);
  command.fd("err", err_);
  command.held(held_ports);
  command.word("adopted");
  add_settings(command, config_);
  const auto argv = pointers(command.arguments());
  const auto envp = kept_environment();
  const auto child = TRY(sys::start_detached(config_.program.c_str(), command.fds(), argv.data(), envp.data()));
  return child.pid;
}

}  // namespace strata::containers
