// The three files of ours that a container sees in /etc.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "containers/container.h"
#include "containers/containers.h"

namespace strata::containers {

// hostname, hosts and resolv.conf in the container's directory, which exists. They are written anew at each
// start, in place: a bind mount shows an inode.
Result<> write_etc_files(const std::string& id, const Config& config, const ContainerPaths& paths);
// Once the address is known.
Result<> add_own_address(const std::string& id, const Config& config, const ContainerPaths& paths,
                         std::string_view address);

// Pure; for tests.
std::string hosts_file(const Config& config);
std::string resolv_conf_file(const Config& config, std::string_view standard);

}  // namespace strata::containers
