// The bridge of a store and its nftables table: making them when they are missing.
//
//   table ip NAME {
//     map ports      { type inet_proto . inet_service : ipv4_addr . inet_service }
//     map addresses  { type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service }
//     chain guard    { type filter hook prerouting priority raw
//                      iifname BRIDGE ip daddr 127.0.0.0/8 drop }
//     chain dnat     { type nat hook prerouting priority dstnat
//                      fib daddr type local dnat ip to … map @addresses; … map @ports }
//     chain local    { type nat hook output priority -100; the same }
//     chain snat     { type nat hook postrouting priority srcnat
//                      ip saddr SUBNET oifname != BRIDGE masquerade
//                      ip saddr 127.0.0.0/8 oifname BRIDGE masquerade
//                      ip saddr SUBNET oifname BRIDGE ct status dnat masquerade }
//     chain forward  { type filter hook forward priority filter
//                      oifname BRIDGE: ct state established,related accept; ct status dnat accept;
//                      iifname BRIDGE accept; else drop }
//   }
//
// The guard closes what route_localnet opens: with it, a neighbour on the bridge could otherwise reach
// services that listen on the host's 127.0.0.1 (CVE-2020-8558).
#pragma once

#include <string>

#include "base/result.h"
#include "sys/link.h"

namespace strata::network {

struct Bridge {
  std::string name;  // of the interface and of the table
  sys::Subnet subnet;
  std::uint32_t gateway() const { return subnet.address + 1; }
};

inline constexpr std::string_view kPortMap = "ports";
inline constexpr std::string_view kAddressMap = "addresses";

// "strata0" for the default root; "strata-" and eight hexadecimal digits for any other.
std::string bridge_name(const std::string& store_root);
// A /20 that no route of the host touches.
Result<sys::Subnet> choose_subnet(sys::NetlinkSocket& route);
// The interface's index. Serialise callers (networks.cc holds a lock).
Result<unsigned> ensure_bridge(sys::NetlinkSocket& route, const Bridge& bridge);
// True when it had to be made; published ports must then be entered anew.
Result<bool> ensure_table(const Bridge& bridge);
Result<> remove_bridge(sys::NetlinkSocket& route, const std::string& name);

}  // namespace strata::network
