// From a container's Config to the OCI runtime spec: namespaces, mounts, limits, and the security policy
// (docker's: capabilities, masked and read-only paths, device rules). Pure but for make_spec's look at
// /dev for --privileged.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "containers/container.h"
#include "containers/rootfs_user.h"
#include "oci/runtime_spec.h"

namespace strata::containers {

struct SpecInputs {
  std::string id;
  const Config& config;
  RootfsUser user;
  // Files of ours that appear in /etc; an empty one is left as the image has it.
  std::string hostname_file, hosts_file, resolv_conf_file;
  // Config.mounts with sources as they are on the host, in the same order.
  std::vector<std::string> mount_sources;
  std::string join_network;  // /proc/<pid>/ns/net, for network_mode container:…
  std::string cgroup;        // cgroups_path
  bool limit_swap = true;    // the host can; else a limit that nobody asked for is left out
};

Result<oci::RuntimeSpec> make_spec(const SpecInputs& inputs);

// The variables of a process: PATH and HOSTNAME (and TERM with a terminal) unless the config has them, the
// config's, then `extra` in place of those ("-e" of exec), and HOME unless it is there.
std::vector<std::string> process_env(const Config& config, const std::string& id, bool terminal,
                                     const std::vector<std::string>& extra, const std::string& home);

// The process of an `exec`: as the container's, with its own arguments, user and so on.
struct ExecRequest {
  std::vector<std::string> arguments;
  std::vector<std::string> env;
  std::string working_dir;  // "" = the container's
  bool tty = false;
  bool privileged = false;
  RootfsUser user;
};
Result<oci::Process> make_exec_process(const std::string& id, const Config& config, const ExecRequest& request);

// "--hostname", or the short id; the host's with the host's network is the caller's business.
std::string container_hostname(const std::string& id, const Config& config);

}  // namespace strata::containers
