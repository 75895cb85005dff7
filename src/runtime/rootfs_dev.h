// What lies in a container's /dev.
#pragma once

#include "base/result.h"
#include "oci/runtime_spec.h"
#include "sys/pty.h"

namespace strata::runtime {

// The nodes and symlinks that config-linux.md "Default Devices" lists, and the spec's own.
// `root`: the container's; /dev is resolved in it.
Result<> fill_dev(int root, const oci::LinuxPart& linux_part);

// A pty of the container's devpts (`devpts` is that mount), whose terminal is also /dev/console.
Result<sys::Pty> make_console(int root, int devpts);

}  // namespace strata::runtime
