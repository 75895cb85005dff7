// Stream sockets in the file system (unix(7)), named by a directory descriptor and a name in it, so that
// the 108 bytes of sun_path never limit where a store may lie. No libfmt here: the monitor uses this.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

// A listening, non-blocking socket; what had the name before is removed. `name` is short and has no slash.
Result<UniqueFd> listen_in(int directory, const char* name);
// A connected, blocking socket.
Result<UniqueFd> connect_in(int directory, const char* name);
// The next waiting connection, non-blocking; nullopt when there is none.
Result<std::optional<UniqueFd>> accept_waiting(int listener);

// The bytes that can be sent without waiting, maybe 0; never SIGPIPE. Errors: EPIPE, ECONNRESET, …
Result<std::size_t> send_now(int socket, std::span<const std::byte> bytes);
// shutdown(2) of both directions: whoever waits on either end wakes up and meets the end of the connection, once
// what was received before has been read.
void shut_down(int socket);
// All of them, waiting as long as it takes; never SIGPIPE.
Result<> send_all(int socket, std::span<const std::byte> bytes);

}  // namespace strata::sys
