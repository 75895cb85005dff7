#include "runtime/create.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/defer.h"
#include "runtime/container_plan.h"
#include "runtime/control.h"
#include "runtime/init.h"
#include "sys/cgroup.h"
#include "sys/file.h"
#include "sys/namespace.h"

namespace strata::runtime {
namespace {

constexpr sys::CapabilityMask kMknod = sys::CapabilityMask{1} << 27;

// Without a device controller a container that may make device nodes could open the host's disks.
void forbid_devices(ContainerPlan& plan) {
  plan.no_devices = true;
  sys::CapabilitySets& sets = plan.process.capabilities;
  for (sys::CapabilityMask* set : {&sets.bounding, &sets.effective, &sets.permitted, &sets.inheritable, &sets.ambient})
    *set &= ~kMknod;
}

// A group with the spec's limits. What nobody asked for is not missed where it cannot be had.
Result<std::optional<sys::Cgroup>> make_cgroup(ContainerPlan& plan) {
  const oci::LinuxPart& part = plan.spec.linux_part;
  sys::CgroupLimits limits = TRY(planned_limits(part.resources));
  if (part.cgroups_path.empty()) {
    if (!limits.devices.empty()) forbid_devices(plan);
    return std::optional<sys::Cgroup>{};
  }
  sys::Cgroup group = TRY(sys::Cgroup::create(part.cgroups_path));
  if (!limits.devices.empty() && !group.can_restrict_devices()) {
    limits.devices.clear();
    forbid_devices(plan);
  }
  if (auto set = group.set(limits); !set) {
    (void)group.remove();
    return std::move(set).take_error();
  }
  plan.cgroups = group.directories();
  return std::optional<sys::Cgroup>{std::move(group)};
}

Error ended_early(sys::Child& init) {
  const auto status = init.wait();
  if (status && status->signal != 0)
    return error(ErrorKind::kResourceExhausted, "the container's init was killed by signal {} while it was set up{}",
                 status->signal, status->signal == SIGKILL ? " (out of memory?)" : "");
  return error(ErrorKind::kInternal, "the container's init ended while it was set up");
}

// Until the child is ready. Its terminal's master goes to `terminal`.
Result<> await_ready(int control, sys::Child& init, sys::UniqueFd& terminal) {
  for (;;) {
    std::optional<Received> received = TRY(receive_signal(control));
    if (!received) return ended_early(init);
    if (received->signal == Signal::kReady) return {};
    if (received->signal == Signal::kTerminal) terminal = std::move(received->fd);
  }
}

Result<> configure_network(const CreateOptions& options, const sys::Child& init, int control) {
  const sys::UniqueFd netns = TRY(sys::open_file("/proc/" + std::to_string(init.pid()) + "/ns/net", O_RDONLY));
  TRY(options.configure_network(netns.get(), init.pid()));
  // A child that failed meanwhile says so itself.
  (void)!send_signal(control, Signal::kContinue);
  return {};
}

// Best effort: lower than the caller's own needs CAP_SYS_RESOURCE.
void set_oom_score(pid_t pid, int value) {
  (void)!sys::write_pseudo_file("/proc/" + std::to_string(pid) + "/oom_score_adj", std::to_string(value));
}

int stream_or_null(int fd, const ContainerPlan& plan) { return fd >= 0 ? fd : plan.null.get(); }

void end(sys::Child& child) {
  (void)!child.kill(SIGKILL);
  (void)!child.wait();
}

}  // namespace

Created::~Created() {
  if (!control_) return;  // started, or moved from
  control_.reset();
  end(init_);
}

Result<Created> create(const CreateOptions& options) {
  ContainerPlan plan = TRY(plan_container(options));
  std::optional<sys::Cgroup> group = TRY(make_cgroup(plan), "cgroup {}", options.spec.linux_part.cgroups_path);
  Defer remove_group([&] {
    if (group) (void)group->remove();
  });
  sys::SocketPair control = TRY(sys::make_socket_pair(SOCK_SEQPACKET));
  const bool network = options.configure_network != nullptr && plan.is_new(CLONE_NEWNET);

  const auto make_child = [&]() -> Result<sys::Child> {
    // Who shares the pid namespace must not reach our program through the child (CVE-2019-5736).
    const sys::Undumpable undumpable;
    std::optional<sys::ChildPidNamespace> inside;
    if (plan.joined_pid) inside.emplace(TRY(sys::ChildPidNamespace::enter(plan.joined_pid.get())));
    sys::Child child =
        TRY(sys::clone_process({.flags = plan.new_namespaces, .cgroup = group ? group->clone_descriptor() : -1}));
    if (child.pid() == 0)  // in here: what this scope undoes is the caller's, not the child's
      run_init({.plan = plan,
                .cgroup = group ? &*group : nullptr,
                .stdio = {stream_or_null(options.stdio.in, plan), stream_or_null(options.stdio.out, plan),
                          stream_or_null(options.stdio.err, plan)},
                .control = control.second.get(),
                .callers_control = control.first.get(),
                .wait_for_network = network});
    return child;
  };
  sys::Child init = TRY(make_child());
  control.second.reset();

  sys::UniqueFd terminal;
  const auto finish = [&]() -> Result<> {
    if (const auto score = options.spec.process.oom_score_adj) set_oom_score(init.pid(), *score);
    if (network) TRY(configure_network(options, init, control.first.get()));
    return await_ready(control.first.get(), init, terminal);
  };
  if (auto finished = finish(); !finished) {
    end(init);
    return std::move(finished).take_error();
  }
  remove_group.cancel();
  return Created(std::move(init), std::move(control.first), std::move(terminal));
}

Result<> start(Created& created) {
  sys::UniqueFd control = std::move(created.control_);
  if (!control) return error(ErrorKind::kConflict, "the container was started already");
  if (auto sent = send_signal(control.get(), Signal::kStart); !sent) {
    if (sent.error().error_number() == EPIPE) return ended_early(created.init_);
    return sent;
  }
  auto answer = receive_signal(control.get());
  if (answer && !*answer) return {};  // closed by execve(2), or the program ended as soon as it began
  end(created.init_);
  return answer ? error(ErrorKind::kInternal, "the container's init does not answer") : std::move(answer).take_error();
}

Result<> destroy_cgroup(const std::string& cgroups_path) {
  sys::Cgroup group = TRY(sys::Cgroup::open(cgroups_path));
  if (group.empty()) return {};
  TRY(group.kill_all());
  return group.remove();
}

}  // namespace strata::runtime
