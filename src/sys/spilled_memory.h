// A program whose need for memory a stranger decides about keeps most of what it takes in a file: beyond the first
// few MiB, what operator new gives lies in a mapping of that file, and little of the mapping stays resident. The
// rest is page cache, which the kernel writes back and takes away as it likes. The price is minor faults: a
// million files in a layer take a few hundred thousand of them.
//
// A program that links this has another operator new and delete. Nothing changes until spill_memory() is called, nor
// in programs with a sanitizer, which have their own. Memory of malloc(3) (that of C libraries) is not meant.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/result.h"

namespace strata::sys {

inline constexpr std::size_t kKeptMemory = 2 << 20;         // is had before anything is spilled
inline constexpr std::size_t kSpilledResident = 512 << 10;  // about so much of what was spilled stays resident
inline constexpr std::uint64_t kMaxSpilled = std::uint64_t{6} << 30;  // beyond it, and on a full disk: ordinary memory

// From now on, into `fd` (open for reading and writing) behind byte `from`, a multiple of the page size. The file
// becomes longer by kMaxSpilled, sparsely; fd must stay open. Opens a file of /proc: call it before a sandbox closes.
// Once per process, by a thread that is alone.
Result<> spill_memory(int fd, std::uint64_t from);
// Keeps what is resident small; inside the sandbox, because its thread is bound by the filters of its maker.
void watch_spilled_memory();
// Cuts the file to `size`, at most `from`. What was spilled is gone: nothing but leaving may follow.
Result<> end_with_spilled_memory(std::uint64_t size);

}  // namespace strata::sys
