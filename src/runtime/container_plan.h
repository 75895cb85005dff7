// A spec, checked and translated, with every descriptor that the child will need already open.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "oci/runtime_spec.h"
#include "runtime/mount_options.h"
#include "runtime/process_plan.h"
#include "sys/cgroup.h"
#include "sys/unique_fd.h"

namespace strata::runtime {

struct PlannedMount {
  const oci::Mount& mount;
  MountOptions options;
};

struct JoinedNamespace {
  int flag = 0;  // CLONE_NEW…
  sys::UniqueFd fd;
};

struct ContainerPlan {
  const oci::RuntimeSpec& spec;
  ProcessPlan process;
  int rootfs_mount = -1;             // the caller's; -1: spec.root.path
  std::uint64_t new_namespaces = 0;  // CLONE_NEW…, without the cgroup's
  bool new_cgroup_namespace = false;
  std::vector<JoinedNamespace> joined;  // without the pid namespace
  sys::UniqueFd joined_pid;
  Propagation root_propagation;
  std::vector<PlannedMount> mounts;
  // Where device rules cannot be had, device files must not work at all.
  bool no_devices = false;
  // Hierarchy and directory of the container's own cgroups, for mounts of type cgroup.
  std::vector<std::pair<std::string, std::string>> cgroups;
  sys::UniqueFd null;  // the host's /dev/null, for reading and writing

  bool is_new(std::uint64_t flag) const { return (new_namespaces & flag) != 0; }
};

// Errors: kInvalidArgument, kUnsupported, kNotFound for a namespace's path.
Result<ContainerPlan> plan_container(const CreateOptions& options);

// The limits of a spec as sys::Cgroup takes them; to rules for devices, those that every container
// needs are added.
Result<sys::CgroupLimits> planned_limits(const oci::Resources& resources);

// Where a sysctl lies below /proc/sys ("net/ipv4/ip_forward"). Errors: kInvalidArgument for one
// that would change the host, because it belongs to no namespace of the container's own.
Result<std::string> sysctl_path(const ContainerPlan& plan, const std::string& name);

}  // namespace strata::runtime
