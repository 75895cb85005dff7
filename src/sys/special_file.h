// Device nodes, symlinks and owners, by directory descriptor.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

#include "base/result.h"

namespace strata::sys {

// mknodat(2) with exactly this mode and owner. One that is there already is left, if it is the same
// device.
Result<> make_node(int directory, const std::string& name, mode_t type_and_mode, unsigned major, unsigned minor,
                   uid_t uid = 0, gid_t gid = 0);
// A symlink; what is there already is left.
Result<> make_symlink(int directory, const std::string& name, const std::string& target);
// Whether the descriptor (O_PATH will do) is this character device.
Result<bool> is_character_device(int fd, unsigned major, unsigned minor);

}  // namespace strata::sys
