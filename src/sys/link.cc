#include "sys/link.h"

#include <arpa/inet.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace strata::sys {
namespace {

constexpr std::uint16_t kCreate = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
constexpr std::uint16_t kChange = NLM_F_REQUEST | NLM_F_ACK;

ifinfomsg link_up(unsigned index = 0) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  header.ifi_flags = IFF_UP;
  header.ifi_change = IFF_UP;
  return header;
}

void add_address(NetlinkBatch& batch, unsigned interface, std::uint32_t address, int prefix_length) {
  ifaddrmsg header{};
  header.ifa_family = AF_INET;
  header.ifa_prefixlen = static_cast<std::uint8_t>(prefix_length);
  header.ifa_index = interface;
  batch.message(RTM_NEWADDR, kCreate, header);
  batch.u32_network(IFA_LOCAL, address);
  batch.u32_network(IFA_ADDRESS, address);
  batch.u32_network(IFA_BROADCAST, address | (prefix_length == 0 ? 0xffffffffu : (1u << (32 - prefix_length)) - 1));
}

}  // namespace

std::optional<unsigned> interface_index(const std::string& name) {
  const unsigned index = ::if_nametoindex(name.c_str());
  return index == 0 ? std::nullopt : std::optional(index);
}

Result<> create_bridge(NetlinkSocket& route, const std::string& name, std::uint32_t address, int prefix_length) {
  NetlinkBatch create;
  create.message(RTM_NEWLINK, kCreate, link_up());
  create.text(IFLA_IFNAME, name);
  const auto info = create.begin(IFLA_LINKINFO);
  create.text(IFLA_INFO_KIND, "bridge");
  create.end(info);
  TRY(route.transact(create), "create bridge {}", name);
  NetlinkBatch configure;
  add_address(configure, TRY(find_link(route, name)), address, prefix_length);
  TRY(route.transact(configure), "address of bridge {}", name);
  return {};
}

Result<> delete_link(NetlinkSocket& route, unsigned index) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  NetlinkBatch batch;
  batch.message(RTM_DELLINK, kChange, header);
  return route.transact(batch).context("delete interface");
}

Result<> create_veth(NetlinkSocket& route, const std::string& host_name, unsigned bridge, int netns,
                     const std::string& peer_name, const MacAddress& mac) {
  NetlinkBatch batch;
  batch.message(RTM_NEWLINK, kCreate, link_up());
  batch.text(IFLA_IFNAME, host_name);
  batch.u32(IFLA_MASTER, bridge);
  const auto info = batch.begin(IFLA_LINKINFO);
  batch.text(IFLA_INFO_KIND, "veth");
  const auto data = batch.begin(IFLA_INFO_DATA);
  const auto peer = batch.begin(VETH_INFO_PEER);
  const ifinfomsg peer_header{};  // it cannot be up before the two are joined
  batch.raw(std::as_bytes(std::span(&peer_header, 1)));
  batch.text(IFLA_IFNAME, peer_name);
  batch.u32(IFLA_NET_NS_FD, static_cast<std::uint32_t>(netns));
  batch.attribute(IFLA_ADDRESS, std::as_bytes(std::span(mac)));
  batch.end(peer);
  batch.end(data);
  batch.end(info);
  return route.transact(batch).context("create veth " + host_name);
}

Result<> configure_endpoint(NetlinkSocket& route, unsigned interface, std::uint32_t address, int prefix_length,
                            std::uint32_t gateway) {
  NetlinkBatch batch;
  batch.message(RTM_NEWLINK, kChange, link_up(1));  // lo is the first interface of every namespace
  batch.message(RTM_NEWLINK, kChange, link_up(interface));
  add_address(batch, interface, address, prefix_length);
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_protocol = RTPROT_BOOT;
  header.rtm_scope = RT_SCOPE_UNIVERSE;
  header.rtm_type = RTN_UNICAST;
  batch.message(RTM_NEWROUTE, kCreate, header);
  batch.u32_network(RTA_GATEWAY, gateway);
  batch.u32(RTA_OIF, interface);
  return route.transact(batch).context("configure eth0");
}

Result<> settle_carrier(const std::string& interface) {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket) return Error::from_errno(errno, "socket");
  ethtool_value value{};
  value.cmd = ETHTOOL_GLINK;  // asking for the carrier synchronises it (net/ethtool: ethtool_op_get_link)
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  request.ifr_data = reinterpret_cast<char*>(&value);
  if (::ioctl(socket.get(), SIOCETHTOOL, &request) != 0) return error_from(errno, "carrier of {}", interface);
  return {};
}

Result<> set_loopback_up(NetlinkSocket& route) {
  NetlinkBatch batch;
  batch.message(RTM_NEWLINK, kChange, link_up(1));
  return route.transact(batch).context("set lo up");
}

Result<unsigned> find_link(NetlinkSocket& route, const std::string& name) {
  NetlinkBatch batch;
  batch.message(RTM_GETLINK, NLM_F_REQUEST, ifinfomsg{});
  batch.text(IFLA_IFNAME, name);
  unsigned index = 0;
  TRY(route.query(batch,
                  [&](std::uint16_t type, std::span<const std::byte> payload) {
                    ifinfomsg header;
                    if (type != RTM_NEWLINK || payload.size() < sizeof header) return;
                    std::memcpy(&header, payload.data(), sizeof header);
                    index = static_cast<unsigned>(header.ifi_index);
                  }),
      "find interface {}", name);
  if (index == 0) return error_from(ENODEV, "find interface {}", name);
  return index;
}

bool overlap(const Subnet& a, const Subnet& b) {
  const int length = std::min(a.prefix_length, b.prefix_length);
  return length == 0 || (a.address ^ b.address) >> (32 - length) == 0;
}

Result<std::vector<Subnet>> routed_subnets(NetlinkSocket& route) {
  rtmsg request{};
  request.rtm_family = AF_INET;
  NetlinkBatch batch;
  batch.message(RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP, request);
  std::vector<Subnet> subnets;
  TRY(route.query(batch, [&](std::uint16_t type, std::span<const std::byte> payload) {
    rtmsg header;
    if (type != RTM_NEWROUTE || payload.size() < sizeof header) return;
    std::memcpy(&header, payload.data(), sizeof header);
    for_each_attribute(payload.subspan(sizeof header), [&](std::uint16_t attribute, std::span<const std::byte> value) {
      if (attribute != RTA_DST || value.size() != 4 || header.rtm_dst_len == 0) return;
      std::uint32_t address;
      std::memcpy(&address, value.data(), sizeof address);
      subnets.push_back({ntohl(address), header.rtm_dst_len});
    });
  }));
  return subnets;
}

std::string ipv4_text(std::uint32_t address) {
  const in_addr network{htonl(address)};
  char text[INET_ADDRSTRLEN];
  return ::inet_ntop(AF_INET, &network, text, sizeof text);
}

std::optional<std::uint32_t> parse_ipv4(const std::string& text) {
  in_addr address;
  if (::inet_pton(AF_INET, text.c_str(), &address) != 1) return std::nullopt;
  return ntohl(address.s_addr);
}

}  // namespace strata::sys
