// The device controller of cgroup v2: an eBPF program attached to the group (cgroup-v2.rst, "Device
// controller"), made here instruction by instruction.
#pragma once

#include <linux/bpf.h>

#include <span>
#include <vector>

#include "base/result.h"
#include "sys/cgroup.h"

namespace strata::sys {

// The program for rules of which the last match decides; no match denies. Pure. An access of
// several kinds (read and write) must be allowed whole by one rule, and is denied when a rule
// denies any part of it.
std::vector<bpf_insn> device_program(std::span<const CgroupDeviceRule> rules);

// Loads and attaches it to the group (a directory descriptor of a cgroup2 mount). The kernel keeps
// it as long as the group. Errors: kUnsupported where there is no such program type or bpf(2) is
// refused.
Result<> attach_device_program(int group, std::span<const CgroupDeviceRule> rules);

// Whether this host would load such a program; tried once per process.
bool device_programs_work();

}  // namespace strata::sys
