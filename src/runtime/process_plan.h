// What one process in a container is to become, translated from the spec before it exists: so that
// a spec that makes no sense is an error before anything was made.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "oci/runtime_spec.h"
#include "runtime/create.h"
#include "sys/capability.h"
#include "sys/seccomp.h"

namespace strata::runtime {

struct PlannedRlimit {
  std::string name;
  int number = 0;
  std::uint64_t soft = 0, hard = 0;
  bool best_effort = false;
};

struct ProcessPlan {
  const oci::Process& process;  // arguments, environment, user, … as they are
  std::vector<gid_t> groups;
  sys::CapabilitySets capabilities;
  std::vector<PlannedRlimit> rlimits;
  std::optional<sys::SeccompFilter> seccomp;
  unsigned seccomp_flags = 0;
  bool create_working_directory = false;
};

// `profile` is linux.seccomp of the container's spec. Capabilities that we do not have ourselves
// are left out: nobody could have them here. Errors: kInvalidArgument, kUnsupported.
Result<ProcessPlan> plan_process(const oci::Process& process, SeccompSource source,
                                 const std::optional<oci::Seccomp>& profile);

// The child's part, in the container's root, in this order. All errors are the child's to send.

// Limits, working directory, user and groups; still with every capability we have.
Result<> settle(const ProcessPlan& plan);
// Finds the program, takes the rest of the rights away, and executes it. Returns only with an
// error; what goes wrong in the very last steps is sent over `control` (Signal::kFailedStep).
Error become(const ProcessPlan& plan, int control);

}  // namespace strata::runtime
