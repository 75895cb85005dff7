// Where things are mounted in a container: what its own root file system has there, nobody in it sees.
#pragma once

#include <functional>
#include <set>
#include <string>

#include "containers/container.h"

namespace strata::containers {

// Absolute paths: those that every container has (/proc, /etc/hosts, …), and those it was asked for.
std::set<std::string, std::less<>> mount_points(const Config& config);

}  // namespace strata::containers
