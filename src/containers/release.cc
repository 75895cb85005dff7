#include "containers/release.h"

#include <unistd.h>

#include <algorithm>

#include "base/strings.h"
#include "network/networks.h"
#include "runtime/create.h"
#include "store/store.h"
#include "sys/cgroup.h"
#include "sys/file.h"

namespace strata::containers {
namespace {

// "4:memory:/path" of /proc/self/cgroup: whether every path is one that nobody else will end.
bool stays_out_of_others_cgroups(std::string_view text) {
  return std::ranges::all_of(split(text, '\n'), [](std::string_view line) {
    const std::size_t colon = line.find(':', line.find(':') + 1);
    if (colon == std::string_view::npos) return true;
    const std::string_view path = line.substr(colon + 1);
    return path == "/" || path == kMonitorCgroup;
  });
}

}  // namespace

Result<> release(const Parts& parts, std::string_view id, bool network) {
  if (network) TRY(parts.networks.detach(id));
  TRY(runtime::destroy_cgroup(Containers::cgroup_path(id)));
  return sys::remove_tree(container_paths(parts.store.paths(), id).run_directory);
}

Result<> leave_cgroup() {
  const std::string own = TRY(sys::read_file("/proc/self/cgroup", 64 << 10));
  if (stays_out_of_others_cgroups(own)) return {};
  // A teardown elsewhere may remove it between the two calls.
  for (int attempt = 0;; ++attempt) {
    Result<sys::Cgroup> cgroup = sys::Cgroup::create(std::string(kMonitorCgroup));
    Result<> entered = cgroup ? cgroup->add(::getpid()) : Result<>(std::move(cgroup).take_error());
    if (entered || attempt == 10) return entered;
  }
}

void remove_monitor_cgroup() {
  Result<sys::Cgroup> cgroup = sys::Cgroup::open(std::string(kMonitorCgroup));
  if (!cgroup || cgroup->empty()) return;
  // remove() would wait for those that live in it.
  const Result<std::vector<pid_t>> processes = cgroup->processes();
  if (processes && processes->empty()) (void)!cgroup->remove();
}

}  // namespace strata::containers
