#include "network/bridge.h"

#include <cerrno>

#include "base/strings.h"
#include "codec/sha256.h"
#include "sys/file.h"
#include "sys/nftables.h"

namespace strata::network {
namespace {

constexpr std::string_view kDefaultRoot = "/var/lib/strata";
constexpr sys::Subnet kLoopback{127u << 24, 8};
constexpr int kPrefixLength = 20;  // 4,093 containers
// linux/netfilter_ipv4.h, as nft(8) names them.
constexpr int kRaw = -300, kDstNat = -100, kFilter = 0, kSrcNat = 100;

Result<> allow_forwarding(const std::string& bridge) {
  TRY(sys::write_pseudo_file("/proc/sys/net/ipv4/ip_forward", "1"));
  return sys::write_pseudo_file("/proc/sys/net/ipv4/conf/" + bridge + "/route_localnet", "1");
}

}  // namespace

std::string bridge_name(const std::string& store_root) {
  if (store_root == kDefaultRoot) return "strata0";
  codec::Sha256 hash;
  hash.update(std::as_bytes(std::span(store_root)));
  return "strata-" + hex(hash.finish()).substr(0, 8);
}

Result<sys::Subnet> choose_subnet(sys::NetlinkSocket& route) {
  const std::vector<sys::Subnet> taken = TRY(sys::routed_subnets(route));
  // 172.24.0.0/13 first, sixteen /20 in each /16; docker and podman begin below it. Then 10.192.0.0/10.
  for (const sys::Subnet range : {sys::Subnet{172u << 24 | 24u << 16, 13}, sys::Subnet{10u << 24 | 192u << 16, 10}}) {
    const std::uint32_t last = range.address | ((1u << (32 - range.prefix_length)) - 1);
    for (std::uint32_t address = range.address; address <= last; address += 1u << (32 - kPrefixLength)) {
      const sys::Subnet candidate{address, kPrefixLength};
      bool free = true;
      for (const sys::Subnet& other : taken) free = free && !sys::overlap(candidate, other);
      if (free) return candidate;
    }
  }
  return error(ErrorKind::kResourceExhausted,
               "no free subnet for a bridge: the host routes all of 172.24.0.0/13 and 10.192.0.0/10");
}

Result<unsigned> ensure_bridge(sys::NetlinkSocket& route, const Bridge& bridge) {
  if (const auto index = sys::interface_index(bridge.name)) return *index;
  TRY(sys::create_bridge(route, bridge.name, bridge.gateway(), bridge.subnet.prefix_length));
  TRY(allow_forwarding(bridge.name));
  const auto index = sys::interface_index(bridge.name);
  if (!index) return error_from(ENODEV, "bridge {}", bridge.name);
  return *index;
}

Result<bool> ensure_table(const Bridge& bridge) {
  if (TRY(sys::nft_table_exists(bridge.name))) return false;
  using sys::NftHook;
  using sys::NftRule;
  sys::NftBatch batch(bridge.name);
  batch.add_table();
  batch.add_port_map(kPortMap, false);
  batch.add_port_map(kAddressMap, true);
  batch.add_chain("guard", "filter", NftHook::kPrerouting, kRaw);
  batch.add_rule("guard", NftRule().interface_in(bridge.name).destination_in(kLoopback).drop());
  for (const auto& [chain, hook] : {std::pair{"dnat", NftHook::kPrerouting}, std::pair{"local", NftHook::kOutput}}) {
    batch.add_chain(chain, "nat", hook, kDstNat);
    batch.add_rule(chain, NftRule().destination_is_local().redirect_by_address_and_port(kAddressMap));
    batch.add_rule(chain, NftRule().destination_is_local().redirect_by_port(kPortMap));
  }
  batch.add_chain("snat", "nat", NftHook::kPostrouting, kSrcNat);
  batch.add_rule("snat", NftRule().source_in(bridge.subnet).interface_out_not(bridge.name).masquerade());
  batch.add_rule("snat", NftRule().source_in(kLoopback).interface_out(bridge.name).masquerade());
  batch.add_rule("snat",
                 NftRule().source_in(bridge.subnet).interface_out(bridge.name).connection_redirected().masquerade());
  batch.add_chain("forward", "filter", NftHook::kForward, kFilter);
  batch.add_rule("forward", NftRule().interface_out(bridge.name).connection_known().accept());
  batch.add_rule("forward", NftRule().interface_out(bridge.name).connection_redirected().accept());
  batch.add_rule("forward", NftRule().interface_out(bridge.name).interface_in(bridge.name).accept());
  batch.add_rule("forward", NftRule().interface_out(bridge.name).drop());
  TRY(batch.commit());
  return true;
}

Result<> remove_bridge(sys::NetlinkSocket& route, const std::string& name) {
  if (TRY(sys::nft_table_exists(name))) {
    sys::NftBatch batch(name);
    batch.delete_table();
    TRY(batch.commit());
  }
  if (const auto index = sys::interface_index(name)) TRY(sys::delete_link(route, *index));
  return {};
}

}  // namespace strata::network
