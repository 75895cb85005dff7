#include "sys/netlink.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/netlink.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"
#include "sys/file.h"

namespace strata::sys {
namespace {

constexpr std::size_t kReceiveBuffer = 64 << 10;

constexpr std::size_t aligned(std::size_t n) { return (n + 3) & ~std::size_t{3}; }

template <class T>
std::span<const std::byte> bytes_of(const T& value) {
  return std::as_bytes(std::span(&value, 1));
}

// The text after an error message's copy of the request: NLMSGERR_ATTR_MSG.
std::string extended_text(const nlmsghdr& header, std::span<const std::byte> payload) {
  if ((header.nlmsg_flags & NLM_F_ACK_TLVS) == 0) return "";
  nlmsgerr failure{};
  std::memcpy(&failure, payload.data(), sizeof failure);
  std::size_t offset = sizeof failure;
  if ((header.nlmsg_flags & NLM_F_CAPPED) == 0) offset += aligned(failure.msg.nlmsg_len) - sizeof(nlmsghdr);
  std::string text;
  if (offset < payload.size())
    for_each_attribute(payload.subspan(offset), [&](std::uint16_t type, std::span<const std::byte> value) {
      if (type == NLMSGERR_ATTR_MSG && !value.empty())
        text.assign(reinterpret_cast<const char*>(value.data()), value.size() - 1);
    });
  return text;
}

}  // namespace

void NetlinkBatch::fix_length() {
  if (sequence_ == 0) return;  // attributes alone, to be put into another message
  const auto length = static_cast<std::uint32_t>(buffer_.size() - start_);
  std::memcpy(buffer_.data() + start_, &length, sizeof length);
}

void NetlinkBatch::message(std::uint16_t type, std::uint16_t flags, std::span<const std::byte> header) {
  start_ = buffer_.size();
  nlmsghdr fixed{};
  fixed.nlmsg_type = type;
  fixed.nlmsg_flags = flags;
  fixed.nlmsg_seq = ++sequence_;
  if ((flags & NLM_F_ACK) != 0) ++acknowledged_;
  raw(bytes_of(fixed));
  raw(header);
}

void NetlinkBatch::raw(std::span<const std::byte> bytes) {
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  buffer_.resize(aligned(buffer_.size()));
  fix_length();
}

void NetlinkBatch::attribute(std::uint16_t type, std::span<const std::byte> value) {
  const nlattr header{static_cast<std::uint16_t>(sizeof(nlattr) + value.size()), type};
  raw(bytes_of(header));
  raw(value);
}

void NetlinkBatch::text(std::uint16_t type, std::string_view value) {
  std::string terminated(value);
  attribute(type, std::as_bytes(std::span(terminated.c_str(), terminated.size() + 1)));
}

void NetlinkBatch::u32(std::uint16_t type, std::uint32_t value) { attribute(type, bytes_of(value)); }
void NetlinkBatch::u32_network(std::uint16_t type, std::uint32_t value) { u32(type, htonl(value)); }

std::size_t NetlinkBatch::begin(std::uint16_t type) {
  const std::size_t nest = buffer_.size();
  attribute(static_cast<std::uint16_t>(type | NLA_F_NESTED), {});
  return nest;
}

void NetlinkBatch::end(std::size_t nest) {
  const auto length = static_cast<std::uint16_t>(buffer_.size() - nest);
  std::memcpy(buffer_.data() + nest, &length, sizeof length);
}

Result<NetlinkSocket> NetlinkSocket::open(int protocol) {
  UniqueFd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
  if (!fd) return Error::from_errno(errno, "netlink socket");
  const int on = 1;
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
  ::setsockopt(fd.get(), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
  sockaddr_nl address{};
  address.nl_family = AF_NETLINK;
  if (::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return Error::from_errno(errno, "bind netlink socket");
  return NetlinkSocket(std::move(fd));
}

Result<NetlinkSocket> NetlinkSocket::open_in(int netns, int protocol) {
  const UniqueFd home = TRY(open_file("/proc/thread-self/ns/net", O_RDONLY));
  if (::setns(netns, CLONE_NEWNET) != 0) return Error::from_errno(errno, "enter network namespace");
  Result<NetlinkSocket> socket = open(protocol);
  CHECK(::setns(home.get(), CLONE_NEWNET) == 0);  // a thread astray in a container's network must not go on
  return socket;
}

Result<> NetlinkSocket::transact(const NetlinkBatch& batch) {
  std::size_t missing = batch.acknowledged();
  Result<> outcome;
  const auto request = batch.bytes();
  if (::send(fd_.get(), request.data(), request.size(), 0) < 0) return Error::from_errno(errno, "netlink send");
  std::vector<std::byte> buffer(kReceiveBuffer);
  while (missing > 0) {
    const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "netlink receive");
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= static_cast<std::size_t>(n);) {
      nlmsghdr header;
      std::memcpy(&header, buffer.data() + at, sizeof header);
      if (header.nlmsg_len < sizeof header || at + header.nlmsg_len > static_cast<std::size_t>(n)) break;
      const auto payload =
          std::span<const std::byte>(buffer).subspan(at + sizeof header, header.nlmsg_len - sizeof header);
      at += aligned(header.nlmsg_len);
      if (header.nlmsg_type != NLMSG_ERROR || payload.size() < sizeof(int)) continue;
      int code = 0;
      std::memcpy(&code, payload.data(), sizeof code);
      // A refused batch begin answers with one error and nothing else.
      if (code != 0 && outcome) {
        const std::string text = payload.size() >= sizeof(nlmsgerr) ? extended_text(header, payload) : "";
        outcome = Error::from_errno(-code, text.empty() ? "netlink" : text);
      }
      if (missing > 0) --missing;
      if (code == -EPERM) return outcome;
    }
  }
  return outcome;
}

Result<> NetlinkSocket::query(const NetlinkBatch& batch,
                              const std::function<void(std::uint16_t, std::span<const std::byte>)>& visit) {
  const auto request = batch.bytes();
  if (::send(fd_.get(), request.data(), request.size(), 0) < 0) return Error::from_errno(errno, "netlink send");
  std::vector<std::byte> buffer(kReceiveBuffer);
  for (;;) {
    const ssize_t n = ::recv(fd_.get(), buffer.data(), buffer.size(), 0);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::from_errno(errno, "netlink receive");
    for (std::size_t at = 0; at + sizeof(nlmsghdr) <= static_cast<std::size_t>(n);) {
      nlmsghdr header;
      std::memcpy(&header, buffer.data() + at, sizeof header);
      if (header.nlmsg_len < sizeof header || at + header.nlmsg_len > static_cast<std::size_t>(n))
        return error(ErrorKind::kIo, "netlink: malformed answer");
      const auto payload =
          std::span<const std::byte>(buffer).subspan(at + sizeof header, header.nlmsg_len - sizeof header);
      at += aligned(header.nlmsg_len);
      if (header.nlmsg_type == NLMSG_DONE) return {};
      if (header.nlmsg_type == NLMSG_ERROR) {
        int code = 0;
        std::memcpy(&code, payload.data(), sizeof code);
        if (code != 0) return Error::from_errno(-code, "netlink");
        return {};
      }
      visit(header.nlmsg_type, payload);
      if ((header.nlmsg_flags & NLM_F_MULTI) == 0) return {};
    }
  }
}

void for_each_attribute(std::span<const std::byte> attributes,
                        const std::function<void(std::uint16_t, std::span<const std::byte>)>& visit) {
  while (attributes.size() >= sizeof(nlattr)) {
    nlattr header;
    std::memcpy(&header, attributes.data(), sizeof header);
    if (header.nla_len < sizeof header || header.nla_len > attributes.size()) return;
    visit(header.nla_type & NLA_TYPE_MASK, attributes.subspan(sizeof header, header.nla_len - sizeof header));
    attributes = attributes.subspan(std::min(aligned(header.nla_len), attributes.size()));
  }
}

}  // namespace strata::sys
