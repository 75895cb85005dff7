// nftables through netlink, as much of it as redirecting ports and hiding addresses needs. Family ip
// (NFPROTO_IPV4). The kernel's side: linux/netfilter/nf_tables.h; the words are those of nft(8).
//
// A NftBatch is one transaction: all of it takes effect or nothing does.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/link.h"
#include "sys/netlink.h"

namespace strata::sys {

enum class NftHook { kPrerouting, kForward, kOutput, kPostrouting };

// The expressions of one rule, in order. Comparisons that fail end the rule.
class NftRule {
 public:
  NftRule& interface_in(std::string_view name);       // iifname NAME
  NftRule& interface_out(std::string_view name);      // oifname NAME
  NftRule& interface_out_not(std::string_view name);  // oifname != NAME
  NftRule& source_in(const Subnet& subnet);           // ip saddr SUBNET
  NftRule& destination_in(const Subnet& subnet);      // ip daddr SUBNET
  NftRule& destination_is_local();                    // fib daddr type local
  NftRule& connection_known();                        // ct state established,related
  NftRule& connection_redirected();                   // ct status dnat
  NftRule& accept();
  NftRule& drop();
  NftRule& masquerade();
  // dnat ip to meta l4proto . th dport map @MAP
  NftRule& redirect_by_port(std::string_view map);
  // dnat ip to meta l4proto . ip daddr . th dport map @MAP
  NftRule& redirect_by_address_and_port(std::string_view map);

 private:
  friend class NftBatch;
  struct Expression {
    std::string name;
    std::vector<std::byte> attributes;
  };
  NftRule& add(std::string_view name, NetlinkBatch&& attributes);
  NftRule& compare(std::uint32_t operation, std::span<const std::byte> value);
  NftRule& meta(std::uint32_t key, std::uint32_t reg);
  NftRule& payload(std::uint32_t base, std::uint32_t offset, std::uint32_t length, std::uint32_t reg);
  NftRule& mask(std::span<const std::byte> bits);
  NftRule& verdict(std::int32_t code);
  NftRule& redirect(std::string_view map);
  std::vector<Expression> expressions_;
};

class NftBatch {
 public:
  explicit NftBatch(std::string table) : table_(std::move(table)) {}

  void add_table();
  void delete_table();
  void add_chain(std::string_view chain, std::string_view type /* nat, filter */, NftHook hook, int priority);
  void add_rule(std::string_view chain, const NftRule& rule);
  // A map from "protocol . port" (or "protocol . address . port") to "address . port".
  void add_port_map(std::string_view map, bool with_address);

  struct PortElement {
    std::uint8_t protocol;           // IPPROTO_TCP, IPPROTO_UDP
    std::uint32_t host_address = 0;  // 0: the map without addresses
    std::uint16_t host_port;
    std::uint32_t address;
    std::uint16_t port;
  };
  void add_element(std::string_view map, const PortElement& element);
  void delete_element(std::string_view map, const PortElement& element);

  // Errors: kernel's; ENOENT when the table is not there.
  Result<> commit();

 private:
  void element(std::uint16_t type, std::uint16_t flags, std::string_view map, const PortElement& element);
  std::string table_;
  std::vector<std::function<void(NetlinkBatch&)>> messages_;
};

// Whether the table exists.
Result<bool> nft_table_exists(const std::string& table);

}  // namespace strata::sys
