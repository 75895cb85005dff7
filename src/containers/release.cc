#include "containers/release.h"

#include <unistd.h>

#include "base/strings.h"
#include "network/networks.h"
#include "runtime/create.h"
#include "store/store.h"
#include "sys/cgroup.h"
#include "sys/file.h"

namespace strata::containers {
namespace {

// Where this process is: "4:memory:/path" a line of /proc/self/cgroup, v2 with number 0.
struct Whereabouts {
  bool others_v1 = false;  // in a v1 group that somebody else may end
  bool others_v2 = false;
};

Whereabouts parse_own_cgroups(std::string_view text) {
  Whereabouts out;
  for (const std::string_view line : split(text, '\n')) {
    const std::size_t colon = line.find(':', line.find(':') + 1);
    if (colon == std::string_view::npos) continue;
    const std::string_view path = line.substr(colon + 1);
    if (path == "/" || path == kMonitorCgroup) continue;
    (line.starts_with("0:") ? out.others_v2 : out.others_v1) = true;
  }
  return out;
}

}  // namespace

Result<> release(const Parts& parts, std::string_view id, bool network) {
  if (network) TRY(parts.networks.detach(id));
  TRY(runtime::destroy_cgroup(Containers::cgroup_path(id)));
  return sys::remove_tree(container_paths(parts.store.paths(), id).run_directory);
}

Result<> leave_cgroup() {
  const std::string own = TRY(sys::read_file("/proc/self/cgroup", 64 << 10));
  const Whereabouts where = parse_own_cgroups(own);
  if (!where.others_v1 && !where.others_v2) return {};
  // A teardown elsewhere may remove it between the two calls.
  for (int attempt = 0;; ++attempt) {
    Result<sys::Cgroup> cgroup = sys::Cgroup::create(std::string(kMonitorCgroup));
    // Moving oneself is cheap on v1; add() takes a lock of the whole kernel.
    Result<> entered = !cgroup           ? Result<>(std::move(cgroup).take_error())
                       : where.others_v2 ? cgroup->add(::getpid())
                                         : cgroup->enter_self();
    if (entered || attempt == 10) return entered;
  }
}

void remove_monitor_cgroup() {
  Result<sys::Cgroup> cgroup = sys::Cgroup::open(std::string(kMonitorCgroup));
  if (cgroup) cgroup->remove_unused();
}

}  // namespace strata::containers
