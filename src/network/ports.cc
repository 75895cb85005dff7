// Published ports, held for as long as somebody has them.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "network/networks.h"
#include "sys/link.h"

namespace strata::network {
namespace {

Result<sys::UniqueFd> hold(PortMapping& mapping) {
  const bool tcp = mapping.protocol == "tcp";
  if (!tcp && mapping.protocol != "udp")
    return error(ErrorKind::kInvalidArgument, "protocol \"{}\" cannot be published, only tcp and udp",
                 mapping.protocol);
  const auto address = sys::parse_ipv4(mapping.host_ip.empty() ? "0.0.0.0" : mapping.host_ip);
  if (!address) return error(ErrorKind::kInvalidArgument, "\"{}\" is no IPv4 address", mapping.host_ip);
  sys::UniqueFd socket(::socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, 0));
  if (!socket) return Error::from_errno(errno, "socket");
  if (tcp) {
    // Connections in TIME_WAIT must not block the port; one that listens still does.
    const int on = 1;
    ::setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  }
  sockaddr_in name{};
  name.sin_family = AF_INET;
  name.sin_addr.s_addr = htonl(*address);
  name.sin_port = htons(mapping.host_port);
  if (::bind(socket.get(), reinterpret_cast<sockaddr*>(&name), sizeof name) != 0 ||
      (tcp && ::listen(socket.get(), 1) != 0)) {
    const std::string where = sys::ipv4_text(*address) + ":" + std::to_string(mapping.host_port);
    if (errno == EADDRINUSE) return error(ErrorKind::kConflict, "Bind for {} failed: port is already allocated", where);
    return error_from(errno, "bind {}", where);
  }
  socklen_t length = sizeof name;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&name), &length) != 0)
    return Error::from_errno(errno, "getsockname");
  mapping.host_port = ntohs(name.sin_port);
  return socket;
}

}  // namespace

Result<HeldPorts> hold_ports(std::span<const PortMapping> ports) {
  HeldPorts held;
  for (PortMapping mapping : ports) {
    held.sockets.push_back(TRY(hold(mapping)));
    held.ports.push_back(std::move(mapping));
  }
  return held;
}

}  // namespace strata::network
