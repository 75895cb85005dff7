// Network interfaces, addresses and routes by rtnetlink(7). IPv4 addresses are numbers in host order.
//
// A veth whose peer is made directly in its namespace is one message (0.55 ms); moving it there
// afterwards, or deleting it, would be 50 ms.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "sys/netlink.h"

namespace strata::sys {

using MacAddress = std::array<std::uint8_t, 6>;

// nullopt when there is no interface of that name in the caller's namespace.
std::optional<unsigned> interface_index(const std::string& name);

// Makes the bridge, gives it the address and sets it up. An existing one is an error (EEXIST).
Result<> create_bridge(NetlinkSocket& route, const std::string& name, std::uint32_t address, int prefix_length);
Result<> delete_link(NetlinkSocket& route, unsigned index);

// host_name in our namespace, a port of `bridge` and up; peer_name in `netns`, down, with `mac`.
Result<> create_veth(NetlinkSocket& route, const std::string& host_name, unsigned bridge, int netns,
                     const std::string& peer_name, const MacAddress& mac);

// In the namespace of `route`: lo and `interface` up; the address on `interface`; the default route. One transaction.
Result<> configure_endpoint(NetlinkSocket& route, unsigned interface, std::uint32_t address, int prefix_length,
                            std::uint32_t gateway);
// Makes the kernel act now on a change of carrier that it would handle in a work queue later: until then a
// bridge does not forward to a port whose peer has just come up, and the first packets are lost.
Result<> settle_carrier(const std::string& interface);
// Sets lo up in the namespace of `route`.
Result<> set_loopback_up(NetlinkSocket& route);

// The index of `name` in the namespace of `route`.
Result<unsigned> find_link(NetlinkSocket& route, const std::string& name);

struct Subnet {
  std::uint32_t address;
  int prefix_length;
};
bool overlap(const Subnet& a, const Subnet& b);
// Every IPv4 network the host has a route to, the default route left out.
Result<std::vector<Subnet>> routed_subnets(NetlinkSocket& route);

std::string ipv4_text(std::uint32_t address);
std::optional<std::uint32_t> parse_ipv4(const std::string& text);

}  // namespace strata::sys
