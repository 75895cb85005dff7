// A container whose monitor was killed gets a new one: its FIFOs are still there, held open by itself.
#include <array>

#include "base/strings.h"
#include "containers/containers.h"
#include "containers/monitor_start.h"
#include "containers/records.h"
#include "containers/release.h"
#include "containers/run_files.h"
#include "network/networks.h"
#include "sys/file.h"
#include "sys/forked_child.h"
#include "sys/process.h"

namespace strata::containers {

Result<> Containers::adopt(const Row& row) {
  const Container& container = row.container;
  const ContainerPaths files = paths(container.id);
  MonitorConfig config = TRY(monitor_config(container));
  MonitorSetup setup = TRY(MonitorSetup::adopt(std::move(config)));
  std::optional<sys::UniqueFd> pidfd = TRY(open_process(row.init));
  if (!pidfd) return {};
  // The ports stay ours as long as nobody took them meanwhile; the redirections stand either way.
  std::vector<sys::UniqueFd> held;
  if (const auto endpoint = TRY(parts_.networks.find(container.id)))
    if (Result<network::HeldPorts> ports = network::hold_ports(endpoint->ports)) held = std::move(ports->sockets);

  // From a process of its own, which leaves our session and cgroup first.
  sys::Pipe answer = TRY(sys::make_pipe());
  sys::Child starter = TRY(sys::fork_child({.new_session = true}, [&] {
    if (!leave_cgroup()) return 1;
    const Result<pid_t> pid = setup.start_adopter({.pid = row.init.pid, .pidfd = std::move(*pidfd)}, std::move(held));
    return pid && sys::write_all(answer.write.get(), std::to_string(*pid)) ? 0 : 1;
  }));
  answer.write.reset();
  const std::string text = TRY(sys::read_fd(answer.read.get(), 64));
  (void)!starter.wait();
  const auto pid = parse_unsigned(text);
  if (!pid) return error(ErrorKind::kInternal, "no new monitor could be started");
  RunStatus status = {
      row.boot_id, row.init, {.pid = static_cast<pid_t>(*pid)}, row.started.value_or(container.created)};
  status.monitor.start_time = TRY(sys::start_time(status.monitor.pid));
  TRY(write_status(files.status, status));
  return Records(parts_.store.db())
      .record_started(container.id, status.boot_id, status.init, status.monitor, status.started);
}

}  // namespace strata::containers
