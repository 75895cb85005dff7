// Reads and writes that do what can be done without waiting, for descriptors in non-blocking mode
// (files count as always ready). EINTR is retried.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"

namespace strata::sys {

// nullopt: it would have to wait. 0 from a read: the end.
Result<std::optional<std::size_t>> read_ready(int fd, std::span<std::byte> buffer);
Result<std::optional<std::size_t>> write_ready(int fd, std::span<const std::byte> bytes);

// Makes a pipe hold up to `bytes` (F_SETPIPE_SZ); what the system does not allow is left as it is.
void widen_pipe(int fd, int bytes);

}  // namespace strata::sys
