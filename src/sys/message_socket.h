// Whole messages with descriptors between two of our processes: SOCK_SEQPACKET (unix(7)) and
// SCM_RIGHTS. A message arrives whole or not at all, its descriptors with it. Reentrant.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

inline constexpr std::size_t kMaxMessageSize = 96 << 10;
inline constexpr std::size_t kMaxMessageFds = 8;

struct Message {
  std::string bytes;  // empty: the peer has closed its end
  std::vector<UniqueFd> fds;
};

// Waits while the peer's queue is full. The descriptors stay the caller's too. Never SIGPIPE.
// Errors: EPIPE or ECONNRESET when the peer is gone; kResourceExhausted above kMaxMessageSize.
Result<> send_message(int socket, std::string_view bytes, std::span<const int> fds = {});

// Waits for the next message. Empty bytes and no error: the peer is gone. A message larger than the
// limit, or with more descriptors, is kCorrupt.
Result<Message> receive_message(int socket);

}  // namespace strata::sys
