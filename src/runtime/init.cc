#include "runtime/init.h"

#include <fcntl.h>
#include <sched.h>

#include "runtime/control.h"
#include "runtime/rootfs.h"
#include "sys/file.h"
#include "sys/mount_attr.h"
#include "sys/namespace.h"
#include "sys/process_state.h"
#include "sys/pty.h"
#include "sys/rooted_path.h"
#include "sys/terminal.h"

namespace strata::runtime {
namespace {

Result<> enter_namespaces(const InitOptions& options) {
  const ContainerPlan& plan = options.plan;
  if (options.cgroup != nullptr) TRY(options.cgroup->enter_self());
  for (const JoinedNamespace& ns : plan.joined) TRY(sys::join_namespace(ns.fd.get(), ns.flag));
  // Only now: its root is the cgroup that the caller of unshare(2) is in.
  if (plan.new_cgroup_namespace) TRY(sys::unshare_namespace(CLONE_NEWCGROUP), "cgroup");
  if (plan.is_new(CLONE_NEWNET)) TRY(sys::bring_up_loopback());
  if (!plan.spec.hostname.empty()) TRY(sys::set_host_name(plan.spec.hostname));
  if (!plan.spec.domainname.empty()) TRY(sys::set_domain_name(plan.spec.domainname));
  return {};
}

// Waits for the caller's word. When the caller is gone, so is the reason to be here.
void await(int control, Signal wanted) {
  const auto received = receive_signal(control);
  if (!received || !*received || (*received)->signal != wanted) sys::exit_now(1);
}

Result<> set_sysctls(const ContainerPlan& plan, sys::UniqueFd directory) {
  if (plan.spec.linux_part.sysctl.empty()) return {};
  if (!directory) return error(ErrorKind::kInvalidArgument, "sysctls need a mount of type proc");
  for (const auto& [name, value] : plan.spec.linux_part.sysctl) {
    const sys::UniqueFd file =
        TRY(sys::open_in_root(directory.get(), TRY(sysctl_path(plan, name)), O_WRONLY), "sysctl {}", name);
    TRY(sys::require_procfs(file.get()), "sysctl {}", name);
    TRY(sys::write_all(file.get(), value), "sysctl {}", name);
  }
  return {};
}

Result<> set_up(const InitOptions& options) {
  const ContainerPlan& plan = options.plan;
  TRY(sys::new_session());
  TRY(sys::new_session_keyring());
  TRY(enter_namespaces(options));
  auto [pty, sysctls] = TRY(build_rootfs(plan));
  if (options.wait_for_network) await(options.control, Signal::kContinue);
  TRY(set_sysctls(plan, std::move(sysctls)));
  if (pty.terminal) {
    TRY(sys::make_controlling_terminal(pty.terminal.get()));
    if (const auto size = plan.process.process.console_size)
      TRY(sys::resize_terminal(pty.terminal.get(), {size->height, size->width}));
    const int fd = pty.terminal.get();
    TRY(send_signal(options.control, Signal::kTerminal, pty.master.get()));
    TRY(sys::replace_descriptors(fd, fd, fd, options.control));
    // They are closed by now.
    (void)pty.master.release();
    (void)pty.terminal.release();
  } else {
    TRY(sys::replace_descriptors(options.stdio.in, options.stdio.out, options.stdio.err, options.control));
  }
  TRY(settle(plan.process));
  return {};
}

}  // namespace

void run_init(const InitOptions& options) {
  sys::close_descriptor(options.callers_control);
  sys::reset_signals();
  const Result<> ready = set_up(options);
  if (!ready) {
    send_error(options.control, ready.error());
    sys::exit_now(1);
  }
  if (!send_signal(options.control, Signal::kReady)) sys::exit_now(1);
  await(options.control, Signal::kStart);
  send_error(options.control, become(options.plan.process, options.control));
  sys::exit_now(127);
}

}  // namespace strata::runtime
