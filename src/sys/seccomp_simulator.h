// For tests: what the kernel would make of a system call under a filter.
#pragma once

#include <cstdint>

#include "sys/seccomp.h"

namespace strata::sys {

// The filter's return value. Aborts on a program that the kernel would not take.
std::uint32_t simulate(const SeccompFilter& filter, std::uint32_t arch, std::uint32_t number,
                       const std::uint64_t (&args)[6] = {0, 0, 0, 0, 0, 0});

}  // namespace strata::sys
