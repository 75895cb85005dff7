// Which filter a container gets.
#pragma once

#include "base/result.h"
#include "oci/runtime_spec.h"
#include "sys/capability.h"
#include "sys/seccomp.h"

namespace strata::runtime {

// Docker's default profile (github.com/moby/profiles, seccomp/default.json, 2026-06) for a process
// with these capabilities, for the native, the 32-bit and the x32 ABI.
Result<sys::SeccompFilter> default_seccomp(sys::CapabilityMask capabilities);

// A profile from a runtime spec. Names that we do not know are ignored, as libseccomp's users do:
// no such call can be made here. Errors: kInvalidArgument, kUnsupported (SCMP_ACT_NOTIFY, foreign
// architectures).
Result<sys::SeccompFilter> compile_seccomp(const oci::Seccomp& profile);
// Of linux.seccomp.flags, as seccomp(2) takes them. Errors: kInvalidArgument.
Result<unsigned> seccomp_flags(const oci::Seccomp& profile);

}  // namespace strata::runtime
