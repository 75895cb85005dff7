// netlink(7): building messages, and sockets that send them and report what the kernel answers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

// One or more messages in one buffer. Attributes nest by begin()/end().
class NetlinkBatch {
 public:
  // Starts a message: `header` is the fixed part that follows nlmsghdr (ifinfomsg, nfgenmsg …).
  void message(std::uint16_t type, std::uint16_t flags, std::span<const std::byte> header);
  template <class Header>
  void message(std::uint16_t type, std::uint16_t flags, const Header& header) {
    message(type, flags, std::as_bytes(std::span(&header, 1)));
  }
  void attribute(std::uint16_t type, std::span<const std::byte> value);
  void text(std::uint16_t type, std::string_view value);  // with the terminating NUL
  void u32(std::uint16_t type, std::uint32_t value);      // host order
  void u32_network(std::uint16_t type, std::uint32_t value);
  std::size_t begin(std::uint16_t type);
  // A fixed struct inside a nest (VETH_INFO_PEER holds an ifinfomsg before its attributes).
  void raw(std::span<const std::byte> bytes);
  void end(std::size_t nest);

  std::span<const std::byte> bytes() const { return buffer_; }
  // Messages that ask for an acknowledgement.
  std::size_t acknowledged() const { return acknowledged_; }
  // Each message's own sequence number counts from 1.

 private:
  void fix_length();
  std::vector<std::byte> buffer_;
  std::size_t start_ = 0;  // of the current message
  std::uint32_t sequence_ = 0;
  std::size_t acknowledged_ = 0;
};

// Not thread-safe.
class NetlinkSocket {
 public:
  // protocol: NETLINK_ROUTE, NETLINK_NETFILTER.
  static Result<NetlinkSocket> open(int protocol);
  // The same in another network namespace; the calling thread is there only for the moment of opening.
  static Result<NetlinkSocket> open_in(int netns, int protocol);

  // Sends and waits for every acknowledgement; the first refusal is the error (kernel's errno, and its
  // extended text where it gives one).
  Result<> transact(const NetlinkBatch& batch);
  // Sends one request with NLM_F_DUMP or a plain get; calls `visit` per answer with what follows nlmsghdr.
  Result<> query(const NetlinkBatch& batch,
                 const std::function<void(std::uint16_t type, std::span<const std::byte>)>& visit);

 private:
  explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// Calls `visit` with each attribute (type without flags, value) of `attributes`; stops at malformed ones.
void for_each_attribute(std::span<const std::byte> attributes,
                        const std::function<void(std::uint16_t type, std::span<const std::byte>)>& visit);

}  // namespace strata::sys
