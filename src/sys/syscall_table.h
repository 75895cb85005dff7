// Names and numbers of system calls on x86-64: its own ABI, the 32-bit one and x32. Other
// architectures get a table of their own beside this one.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace strata::sys {

enum class SyscallAbi { kX86_64, kX86, kX32 };

// x32 shares x86-64's audit architecture; its numbers have this bit.
inline constexpr std::uint32_t kX32Bit = 0x40000000;

struct SyscallRow {
  std::string_view name;
  std::int16_t x86_64, x86, x32;  // -1: not there; x32 without its bit
};

// From the kernel's arch/x86/entry/syscalls/syscall_64.tbl and syscall_32.tbl. Sorted by name, and
// up to the same Linux release for all: a number above newest_syscall() is unknown to us.
inline constexpr SyscallRow kSyscalls[] = {
#include "sys/syscall_table_x86_64.inc"
};

// -1 when there is none. Usable at compile time.
constexpr int syscall_number(SyscallAbi abi, std::string_view name) {
  std::size_t low = 0, high = std::size(kSyscalls);
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (kSyscalls[middle].name < name)
      low = middle + 1;
    else
      high = middle;
  }
  if (low == std::size(kSyscalls) || kSyscalls[low].name != name) return -1;
  const SyscallRow& row = kSyscalls[low];
  const int number = abi == SyscallAbi::kX86_64 ? row.x86_64 : abi == SyscallAbi::kX86 ? row.x86 : row.x32;
  return abi == SyscallAbi::kX32 && number >= 0 ? static_cast<int>(kX32Bit | static_cast<std::uint32_t>(number))
                                                : number;
}

// The highest number of the table, x32's with its bit.
constexpr int newest_syscall(SyscallAbi abi) {
  int newest = -1;
  for (const SyscallRow& row : kSyscalls) {
    const int number = syscall_number(abi, row.name);
    if (number > newest) newest = number;
  }
  return newest;
}

}  // namespace strata::sys
