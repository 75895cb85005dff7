#include "runtime/exec.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include <cerrno>

#include "runtime/control.h"
#include "runtime/process_plan.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/mount.h"
#include "sys/namespace.h"
#include "sys/pidfd.h"
#include "sys/process_state.h"
#include "sys/pty.h"
#include "sys/rooted_path.h"
#include "sys/special_file.h"
#include "sys/terminal.h"

namespace strata::runtime {
namespace {

constexpr int kNamespaces = CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET | CLONE_NEWCGROUP;

struct Inside {
  const ExecOptions& options;
  const ProcessPlan& plan;
  const sys::Cgroup* cgroup;
  Stdio stdio;
  int control, callers_control;
  int root;  // init's
};

// A pty of the devpts that is mounted in the container; nothing else that may lie there under that
// name.
Result<sys::Pty> container_pty() {
  const sys::UniqueFd root = TRY(sys::open_file("/", O_PATH | O_DIRECTORY));
  const sys::UniqueFd devpts = TRY(sys::open_in_root(root.get(), "/dev/pts", O_PATH | O_DIRECTORY));
  if (TRY(sys::file_system_type(devpts.get())) != DEVPTS_SUPER_MAGIC)
    return error(ErrorKind::kInvalidArgument, "/dev/pts is no devpts");
  const sys::UniqueFd multiplexer = TRY(sys::open_at(devpts.get(), "ptmx", O_PATH | O_NOFOLLOW));
  if (!TRY(sys::is_character_device(multiplexer.get(), 5, 2)))
    return error(ErrorKind::kInvalidArgument, "/dev/pts/ptmx is no pty multiplexer");
  return sys::open_pty(devpts.get(), "ptmx");
}

Result<> set_up(const Inside& inside) {
  TRY(sys::new_session());
  TRY(sys::new_session_keyring());
  if (inside.cgroup != nullptr) TRY(inside.cgroup->enter_self());
  TRY(sys::join_namespace(inside.options.init_pidfd, kNamespaces));
  // setns(2) leads to the root of the mount namespace. That is not init's when strata itself runs in a chroot:
  // then the host's root lies under there, and pivot_root(2) exchanged only the chroot's.
  TRY(sys::enter_root(inside.root));
  if (inside.plan.process.terminal) {
    sys::Pty pty = TRY(container_pty(), "terminal");
    TRY(sys::make_controlling_terminal(pty.terminal.get()));
    if (const auto size = inside.plan.process.console_size)
      TRY(sys::resize_terminal(pty.terminal.get(), {size->height, size->width}));
    TRY(send_signal(inside.control, Signal::kTerminal, pty.master.get()));
    const int fd = pty.terminal.get();
    TRY(sys::replace_descriptors(fd, fd, fd, inside.control));
    // They are closed by now.
    (void)pty.master.release();
    (void)pty.terminal.release();
  } else {
    TRY(sys::replace_descriptors(inside.stdio.in, inside.stdio.out, inside.stdio.err, inside.control));
  }
  return settle(inside.plan);
}

[[noreturn]] void run_inside(const Inside& inside) {
  sys::close_descriptor(inside.callers_control);
  sys::reset_signals();
  const Result<> ready = set_up(inside);
  send_error(inside.control, ready ? become(inside.plan, inside.control) : ready.error());
  sys::exit_now(127);
}

Error not_running() { return error(ErrorKind::kConflict, "the container is not running"); }

// Init's root directory. The number of a process that has ended may belong to another one: it is asked again after.
Result<sys::UniqueFd> root_of_init(int init_pidfd) {
  const pid_t init = TRY(sys::pid_of(init_pidfd));
  if (init == 0) return not_running();
  Result<sys::UniqueFd> root = sys::open_file("/proc/" + std::to_string(init) + "/root", O_PATH | O_DIRECTORY);
  if (TRY(sys::pid_of(init_pidfd)) != init) return not_running();
  return root;
}

// The child's errors, or nothing once it has executed its program.
Result<> await_execution(int control, sys::UniqueFd& terminal) {
  for (;;) {
    std::optional<Received> received = TRY(receive_signal(control));
    if (!received) return {};
    if (received->signal == Signal::kTerminal) terminal = std::move(received->fd);
  }
}

}  // namespace

Result<Process> exec(const ExecOptions& options) {
  const ProcessPlan plan = TRY(plan_process(options.process, options.seccomp, options.container.linux_part.seccomp));
  const sys::UniqueFd null = TRY(sys::open_file("/dev/null", O_RDWR));
  std::optional<sys::Cgroup> group;
  if (const std::string& path = options.container.linux_part.cgroups_path; !path.empty())
    group = TRY(sys::Cgroup::open(path));
  const sys::UniqueFd root = TRY(root_of_init(options.init_pidfd));
  sys::SocketPair control = TRY(sys::make_socket_pair(SOCK_SEQPACKET));

  const auto stream = [&](int fd) { return fd >= 0 ? fd : null.get(); };
  const auto make_child = [&]() -> Result<sys::Child> {
    // A process of the container must not reach our program through the child (CVE-2019-5736).
    const sys::Undumpable undumpable;
    auto namespace_of_init = sys::ChildPidNamespace::enter(options.init_pidfd);
    if (!namespace_of_init) {
      if (namespace_of_init.error().error_number() == ESRCH) return not_running();
      return std::move(namespace_of_init).take_error();
    }
    sys::Child child = TRY(sys::clone_process({.cgroup = group ? group->clone_descriptor() : -1}));
    if (child.pid() == 0)  // in here: what this scope undoes is the caller's, not the child's
      run_inside({options,
                  plan,
                  group && !group->empty() ? &*group : nullptr,
                  {stream(options.stdio.in), stream(options.stdio.out), stream(options.stdio.err)},
                  control.second.get(),
                  control.first.get(),
                  root.get()});
    return child;
  };
  auto made = make_child();
  if (!made) {
    // A pid namespace whose init has ended takes nobody.
    const int number = made.error().error_number();
    return number == ENOMEM || number == ENODEV ? not_running() : std::move(made).take_error();
  }
  sys::Child child = std::move(*made);
  control.second.reset();
  if (const auto score = options.process.oom_score_adj)
    (void)!sys::write_pseudo_file("/proc/" + std::to_string(child.pid()) + "/oom_score_adj", std::to_string(*score));

  sys::UniqueFd terminal;
  if (auto running = await_execution(control.first.get(), terminal); !running) {
    (void)!child.kill(SIGKILL);
    (void)!child.wait();
    if (running.error().error_number() == ESRCH) return not_running();
    return std::move(running).take_error();
  }
  return Process{std::move(child), std::move(terminal)};
}

}  // namespace strata::runtime
