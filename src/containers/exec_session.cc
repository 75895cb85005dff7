#include "containers/exec_session.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <utility>

#include "containers/client_streams.h"
#include "containers/prepare.h"
#include "containers/spec.h"
#include "containers/stream_pump.h"
#include "runtime/exec.h"
#include "sys/background.h"
#include "sys/event_loop.h"
#include "sys/file.h"
#include "sys/pidfd.h"
#include "sys/terminal.h"

namespace strata::containers {
namespace {

// What of the container's spec an exec needs: its namespaces, cgroup and seccomp profile.
Result<oci::RuntimeSpec> joined_spec(const Container& container) {
  Config config = container.config;
  config.mounts.clear();
  config.privileged = false;  // or all devices would be listed
  SpecInputs inputs{.id = container.id, .config = config, .user = {}};
  inputs.cgroup = Containers::cgroup_path(container.id);
  return make_spec(inputs);
}

// A pipe or socket may be given away as it is.
bool can_be_given(int fd) {
  const auto status = sys::stat_fd(fd);
  return status && (S_ISFIFO(status->st_mode) || S_ISSOCK(status->st_mode));
}

// The standard streams of a process without a terminal.
struct Streams {
  runtime::Stdio stdio;
  PumpEnds ours;
  std::vector<sys::UniqueFd> theirs;

  Result<> set_up(bool interactive) {
    if (interactive) TRY(give(STDIN_FILENO, stdio.in, ours.in));
    TRY(give(STDOUT_FILENO, stdio.out, ours.out));
    TRY(give(STDERR_FILENO, stdio.err, ours.err));
    return {};
  }

 private:
  Result<> give(int fd, int& child_fd, sys::UniqueFd& our_end) {
    if (can_be_given(fd)) {
      child_fd = fd;
      return {};
    }
    if (!sys::stat_fd(fd)) return {};  // closed: /dev/null
    sys::Pipe pipe = TRY(sys::make_pipe());
    sys::UniqueFd& their_end = fd == STDIN_FILENO ? pipe.read : pipe.write;
    our_end = std::move(fd == STDIN_FILENO ? pipe.write : pipe.read);
    TRY(sys::set_nonblocking(our_end.get(), true));
    child_fd = their_end.get();
    theirs.push_back(std::move(their_end));
    return {};
  }
};

// Takes what a process that nobody looks at any more writes to its terminal, until it ends.
Result<> leave_terminal(const sys::UniqueFd& master) {
  const int fd = master.get();
  TRY(sys::set_nonblocking(fd, false));
  return sys::run_in_background("strata-exec", std::span(&fd, 1), [fd] {
    std::array<std::byte, 4096> dropped;
    for (auto n = sys::read_now(fd, dropped); n && (!*n || **n > 0); n = sys::read_now(fd, dropped)) {
    }
  });
}

}  // namespace

Result<int> exec_in(Containers& containers, const Container& container, const ExecSession& session) {
  DetachKeys keys = TRY(DetachKeys::parse(session.detach_keys));
  const sys::UniqueFd init = TRY(containers.open_init(container));
  const pid_t pid = TRY(sys::pid_of(init.get()));
  const sys::UniqueFd root = TRY(sys::open_file(fmt::format("/proc/{}/root", pid), O_PATH | O_DIRECTORY));
  if (pid == 0 || TRY(sys::pid_of(init.get())) != pid)
    return error(ErrorKind::kConflict, "container {} is not running", container.id);

  ExecRequest request{.arguments = session.arguments,
                      .env = session.env,
                      .working_dir = session.working_dir,
                      .tty = session.tty,
                      .privileged = session.privileged};
  request.user = TRY(resolve_user(root.get(), session.user.empty() ? container.config.user : session.user));
  oci::Process process = TRY(make_exec_process(container.id, container.config, request));
  if (const auto size = ClientTerminal::size(); size && session.tty)
    process.console_size = oci::ConsoleSize{size->rows, size->columns};
  const oci::RuntimeSpec spec = TRY(joined_spec(container));

  Streams streams;
  if (!session.detach && !session.tty) TRY(streams.set_up(session.interactive));
  runtime::Process child = TRY(runtime::exec({.init_pidfd = init.get(),
                                              .init_pid = pid,
                                              .container = spec,
                                              .process = process,
                                              .stdio = streams.stdio,
                                              .seccomp = TRY(seccomp_source(container.config))}));
  streams.theirs.clear();
  if (session.detach) {
    if (child.terminal) TRY(leave_terminal(child.terminal));
    return 0;
  }

  PumpEnds& ends = streams.ours;
  ends.child_pidfd = child.child.pidfd();
  ends.terminal = std::move(child.terminal);
  ends.terminal_input = session.tty && session.interactive;
  if (ends.terminal) TRY(sys::set_nonblocking(ends.terminal.get(), true));
  PumpOutcome outcome;
  {
    ClientTerminal terminal =
        TRY(ClientTerminal::enter({.raw = ends.terminal_input, .resize = session.tty, .forward = !session.tty}));
    outcome = TRY(pump(ends, std::move(keys), terminal));
  }
  if (outcome.interrupted_by != 0) return 128 + outcome.interrupted_by;
  if (outcome.detached) {
    TRY(leave_terminal(ends.terminal));
    return 0;
  }
  return TRY(child.child.wait()).shell_code();
}

}  // namespace strata::containers
