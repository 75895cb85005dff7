// The options of a spec's mount, sorted into what the kernel takes them as. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "oci/runtime_spec.h"

namespace strata::runtime {

struct MountOptions {
  bool bind = false;
  bool bind_recursive = false;
  std::uint64_t set = 0, clear = 0;                      // MOUNT_ATTR_…, of the mount alone
  std::uint64_t set_recursive = 0, clear_recursive = 0;  // of the mount and those below ("rro")
  std::uint64_t propagation = 0;                         // MS_…; 0: as it is
  bool propagation_recursive = false;
  std::vector<std::pair<std::string, std::string>> data;  // for the file system; no value: a flag

  bool read_only() const;
  const std::string* value_of(const std::string& key) const;
};

// Later options win. What is none of the kernel's generic ones is the file system's own.
// Errors: kUnsupported for options that need what is not here (idmap).
Result<MountOptions> parse_mount_options(const oci::Mount& mount);

// "rprivate", "slave", … ; errors: kInvalidArgument.
struct Propagation {
  std::uint64_t flag = 0;  // MS_…
  bool recursive = false;
};
Result<Propagation> parse_propagation(const std::string& name);

}  // namespace strata::runtime
