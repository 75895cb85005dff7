#include "sys/nftables.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace strata::sys {
namespace {

constexpr std::uint16_t type_of(int message) { return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | message); }

nfgenmsg family_header(std::uint16_t resource = 0) { return nfgenmsg{NFPROTO_IPV4, NFNETLINK_V0, htons(resource)}; }

// nft's own numbers for the types of set keys, so that `nft list` shows addresses as addresses.
constexpr std::uint32_t kTypeAddress = 7, kTypeProtocol = 12, kTypeService = 13;
constexpr std::uint32_t concatenated(std::initializer_list<std::uint32_t> types) {
  std::uint32_t result = 0;
  for (const std::uint32_t type : types) result = result << 6 | type;
  return result;
}

// Registers of four bytes; concatenations fill neighbours.
constexpr std::uint32_t kKeyRegister = NFT_REG32_00;
constexpr std::uint32_t kTargetRegister = NFT_REG32_04;

std::array<std::byte, 4> network_order(std::uint32_t value) {
  value = htonl(value);
  std::array<std::byte, 4> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

template <class T>
std::array<std::byte, sizeof(T)> host_order(T value) {
  std::array<std::byte, sizeof(T)> bytes;
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}

void data(NetlinkBatch& batch, std::uint16_t type, std::span<const std::byte> value) {
  const auto nest = batch.begin(type);
  batch.attribute(NFTA_DATA_VALUE, value);
  batch.end(nest);
}

std::uint32_t netmask(int prefix_length) { return prefix_length == 0 ? 0 : ~std::uint32_t{0} << (32 - prefix_length); }

}  // namespace

NftRule& NftRule::add(std::string_view name, NetlinkBatch&& attributes) {
  expressions_.push_back({std::string(name), {attributes.bytes().begin(), attributes.bytes().end()}});
  return *this;
}

NftRule& NftRule::meta(std::uint32_t key, std::uint32_t reg) {
  NetlinkBatch a;
  a.u32_network(NFTA_META_DREG, reg);
  a.u32_network(NFTA_META_KEY, key);
  return add("meta", std::move(a));
}

NftRule& NftRule::payload(std::uint32_t base, std::uint32_t offset, std::uint32_t length, std::uint32_t reg) {
  NetlinkBatch a;
  a.u32_network(NFTA_PAYLOAD_DREG, reg);
  a.u32_network(NFTA_PAYLOAD_BASE, base);
  a.u32_network(NFTA_PAYLOAD_OFFSET, offset);
  a.u32_network(NFTA_PAYLOAD_LEN, length);
  return add("payload", std::move(a));
}

NftRule& NftRule::compare(std::uint32_t operation, std::span<const std::byte> value) {
  NetlinkBatch a;
  a.u32_network(NFTA_CMP_SREG, kKeyRegister);
  a.u32_network(NFTA_CMP_OP, operation);
  data(a, NFTA_CMP_DATA, value);
  return add("cmp", std::move(a));
}

NftRule& NftRule::mask(std::span<const std::byte> bits) {
  const std::vector<std::byte> zero(bits.size());
  NetlinkBatch a;
  a.u32_network(NFTA_BITWISE_SREG, kKeyRegister);
  a.u32_network(NFTA_BITWISE_DREG, kKeyRegister);
  a.u32_network(NFTA_BITWISE_LEN, static_cast<std::uint32_t>(bits.size()));
  data(a, NFTA_BITWISE_MASK, bits);
  data(a, NFTA_BITWISE_XOR, zero);
  return add("bitwise", std::move(a));
}

namespace {
std::array<std::byte, IFNAMSIZ> padded(std::string_view name) {
  std::array<std::byte, IFNAMSIZ> bytes{};
  std::memcpy(bytes.data(), name.data(), std::min(name.size(), bytes.size() - 1));
  return bytes;
}
}  // namespace

NftRule& NftRule::interface_in(std::string_view name) {
  return meta(NFT_META_IIFNAME, kKeyRegister).compare(NFT_CMP_EQ, padded(name));
}
NftRule& NftRule::interface_out(std::string_view name) {
  return meta(NFT_META_OIFNAME, kKeyRegister).compare(NFT_CMP_EQ, padded(name));
}
NftRule& NftRule::interface_out_not(std::string_view name) {
  return meta(NFT_META_OIFNAME, kKeyRegister).compare(NFT_CMP_NEQ, padded(name));
}

NftRule& NftRule::source_in(const Subnet& subnet) {
  const std::uint32_t bits = netmask(subnet.prefix_length);
  return payload(NFT_PAYLOAD_NETWORK_HEADER, 12, 4, kKeyRegister)
      .mask(network_order(bits))
      .compare(NFT_CMP_EQ, network_order(subnet.address & bits));
}

NftRule& NftRule::destination_in(const Subnet& subnet) {
  const std::uint32_t bits = netmask(subnet.prefix_length);
  return payload(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, kKeyRegister)
      .mask(network_order(bits))
      .compare(NFT_CMP_EQ, network_order(subnet.address & bits));
}

NftRule& NftRule::destination_is_local() {
  NetlinkBatch a;
  a.u32_network(NFTA_FIB_DREG, kKeyRegister);
  a.u32_network(NFTA_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
  a.u32_network(NFTA_FIB_FLAGS, NFTA_FIB_F_DADDR);
  return add("fib", std::move(a)).compare(NFT_CMP_EQ, host_order<std::uint32_t>(RTN_LOCAL));
}

NftRule& NftRule::connection_known() {
  constexpr std::uint32_t kEstablished = 1u << (IP_CT_ESTABLISHED + 1), kRelated = 1u << (IP_CT_RELATED + 1);
  NetlinkBatch a;
  a.u32_network(NFTA_CT_DREG, kKeyRegister);
  a.u32_network(NFTA_CT_KEY, NFT_CT_STATE);
  return add("ct", std::move(a))
      .mask(host_order<std::uint32_t>(kEstablished | kRelated))
      .compare(NFT_CMP_NEQ, host_order<std::uint32_t>(0));
}

NftRule& NftRule::connection_redirected() {
  NetlinkBatch a;
  a.u32_network(NFTA_CT_DREG, kKeyRegister);
  a.u32_network(NFTA_CT_KEY, NFT_CT_STATUS);
  return add("ct", std::move(a))
      .mask(host_order<std::uint32_t>(IPS_DST_NAT))
      .compare(NFT_CMP_NEQ, host_order<std::uint32_t>(0));
}

NftRule& NftRule::verdict(std::int32_t code) {
  NetlinkBatch a;
  a.u32_network(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
  const auto value = a.begin(NFTA_IMMEDIATE_DATA);
  const auto nested = a.begin(NFTA_DATA_VERDICT);
  a.u32_network(NFTA_VERDICT_CODE, static_cast<std::uint32_t>(code));
  a.end(nested);
  a.end(value);
  return add("immediate", std::move(a));
}

NftRule& NftRule::accept() { return verdict(NF_ACCEPT); }
NftRule& NftRule::drop() { return verdict(NF_DROP); }
NftRule& NftRule::masquerade() { return add("masq", NetlinkBatch()); }

NftRule& NftRule::redirect(std::string_view map) {
  NetlinkBatch lookup;
  lookup.text(NFTA_LOOKUP_SET, map);
  lookup.u32_network(NFTA_LOOKUP_SREG, kKeyRegister);
  lookup.u32_network(NFTA_LOOKUP_DREG, kTargetRegister);
  add("lookup", std::move(lookup));
  NetlinkBatch nat;
  nat.u32_network(NFTA_NAT_TYPE, NFT_NAT_DNAT);
  nat.u32_network(NFTA_NAT_FAMILY, NFPROTO_IPV4);
  nat.u32_network(NFTA_NAT_REG_ADDR_MIN, kTargetRegister);
  nat.u32_network(NFTA_NAT_REG_PROTO_MIN, kTargetRegister + 1);
  return add("nat", std::move(nat));
}

NftRule& NftRule::redirect_by_port(std::string_view map) {
  return meta(NFT_META_L4PROTO, kKeyRegister)
      .payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, kKeyRegister + 1)
      .redirect(map);
}

NftRule& NftRule::redirect_by_address_and_port(std::string_view map) {
  return meta(NFT_META_L4PROTO, kKeyRegister)
      .payload(NFT_PAYLOAD_NETWORK_HEADER, 16, 4, kKeyRegister + 1)
      .payload(NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, kKeyRegister + 2)
      .redirect(map);
}

void NftBatch::add_table() {
  messages_.push_back([table = table_](NetlinkBatch& batch) {
    batch.message(type_of(NFT_MSG_NEWTABLE), NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, family_header());
    batch.text(NFTA_TABLE_NAME, table);
  });
}

void NftBatch::delete_table() {
  messages_.push_back([table = table_](NetlinkBatch& batch) {
    batch.message(type_of(NFT_MSG_DELTABLE), NLM_F_REQUEST | NLM_F_ACK, family_header());
    batch.text(NFTA_TABLE_NAME, table);
  });
}

void NftBatch::add_chain(std::string_view chain, std::string_view type, NftHook hook, int priority) {
  const auto number = [&] {
    switch (hook) {
      case NftHook::kPrerouting:
        return NF_INET_PRE_ROUTING;
      case NftHook::kForward:
        return NF_INET_FORWARD;
      case NftHook::kOutput:
        return NF_INET_LOCAL_OUT;
      case NftHook::kPostrouting:
        return NF_INET_POST_ROUTING;
    }
    return NF_INET_LOCAL_IN;
  }();
  messages_.push_back(
      [table = table_, chain = std::string(chain), type = std::string(type), number, priority](NetlinkBatch& batch) {
        batch.message(type_of(NFT_MSG_NEWCHAIN), NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, family_header());
        batch.text(NFTA_CHAIN_TABLE, table);
        batch.text(NFTA_CHAIN_NAME, chain);
        batch.text(NFTA_CHAIN_TYPE, type);
        const auto nest = batch.begin(NFTA_CHAIN_HOOK);
        batch.u32_network(NFTA_HOOK_HOOKNUM, static_cast<std::uint32_t>(number));
        batch.u32_network(NFTA_HOOK_PRIORITY, static_cast<std::uint32_t>(priority));
        batch.end(nest);
      });
}

void NftBatch::add_rule(std::string_view chain, const NftRule& rule) {
  messages_.push_back([table = table_, chain = std::string(chain), rule](NetlinkBatch& batch) {
    batch.message(type_of(NFT_MSG_NEWRULE), NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_APPEND, family_header());
    batch.text(NFTA_RULE_TABLE, table);
    batch.text(NFTA_RULE_CHAIN, chain);
    const auto list = batch.begin(NFTA_RULE_EXPRESSIONS);
    for (const auto& expression : rule.expressions_) {
      const auto element = batch.begin(NFTA_LIST_ELEM);
      batch.text(NFTA_EXPR_NAME, expression.name);
      batch.attribute(NFTA_EXPR_DATA | NLA_F_NESTED, expression.attributes);
      batch.end(element);
    }
    batch.end(list);
  });
}

void NftBatch::add_port_map(std::string_view map, bool with_address) {
  messages_.push_back([table = table_, map = std::string(map), with_address](NetlinkBatch& batch) {
    batch.message(type_of(NFT_MSG_NEWSET), NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, family_header());
    batch.text(NFTA_SET_TABLE, table);
    batch.text(NFTA_SET_NAME, map);
    batch.u32_network(NFTA_SET_FLAGS, NFT_SET_MAP);
    batch.u32_network(NFTA_SET_KEY_TYPE, with_address ? concatenated({kTypeProtocol, kTypeAddress, kTypeService})
                                                      : concatenated({kTypeProtocol, kTypeService}));
    batch.u32_network(NFTA_SET_KEY_LEN, with_address ? 12 : 8);
    batch.u32_network(NFTA_SET_DATA_TYPE, concatenated({kTypeAddress, kTypeService}));
    batch.u32_network(NFTA_SET_DATA_LEN, 8);
    batch.u32_network(NFTA_SET_ID, with_address ? 2 : 1);
  });
}

void NftBatch::element(std::uint16_t type, std::uint16_t flags, std::string_view map, const PortElement& port) {
  // Each field of a concatenation is padded to four bytes.
  std::vector<std::byte> key(4);
  key[0] = static_cast<std::byte>(port.protocol);
  const auto append = [](std::vector<std::byte>& to, std::span<const std::byte> bytes) {
    to.insert(to.end(), bytes.begin(), bytes.end());
    to.resize((to.size() + 3) & ~std::size_t{3});
  };
  if (port.host_address != 0) append(key, network_order(port.host_address));
  append(key, host_order<std::uint16_t>(htons(port.host_port)));
  std::vector<std::byte> target;
  append(target, network_order(port.address));
  append(target, host_order<std::uint16_t>(htons(port.port)));
  messages_.push_back([table = table_, map = std::string(map), type, flags, key, target](NetlinkBatch& batch) {
    batch.message(type_of(type), flags, family_header());
    batch.text(NFTA_SET_ELEM_LIST_TABLE, table);
    batch.text(NFTA_SET_ELEM_LIST_SET, map);
    const auto list = batch.begin(NFTA_SET_ELEM_LIST_ELEMENTS);
    const auto one = batch.begin(NFTA_LIST_ELEM);
    data(batch, NFTA_SET_ELEM_KEY, key);
    data(batch, NFTA_SET_ELEM_DATA, target);
    batch.end(one);
    batch.end(list);
  });
}

void NftBatch::add_element(std::string_view map, const PortElement& port) {
  element(NFT_MSG_NEWSETELEM, NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE, map, port);
}

void NftBatch::delete_element(std::string_view map, const PortElement& port) {
  element(NFT_MSG_DELSETELEM, NLM_F_REQUEST | NLM_F_ACK, map, port);
}

Result<> NftBatch::commit() {
  NetlinkBatch batch;
  batch.message(NFNL_MSG_BATCH_BEGIN, NLM_F_REQUEST, family_header(NFNL_SUBSYS_NFTABLES));
  for (const auto& add : messages_) add(batch);
  batch.message(NFNL_MSG_BATCH_END, NLM_F_REQUEST, family_header(NFNL_SUBSYS_NFTABLES));
  NetlinkSocket socket = TRY(NetlinkSocket::open(NETLINK_NETFILTER));
  return socket.transact(batch).context("nftables table " + table_);
}

Result<bool> nft_table_exists(const std::string& table) {
  NetlinkSocket socket = TRY(NetlinkSocket::open(NETLINK_NETFILTER));
  NetlinkBatch batch;
  batch.message(type_of(NFT_MSG_GETTABLE), NLM_F_REQUEST, family_header());
  batch.text(NFTA_TABLE_NAME, table);
  bool found = false;
  const Result<> asked = socket.query(batch, [&](std::uint16_t, std::span<const std::byte>) { found = true; });
  if (!asked && asked.error().error_number() != ENOENT) return asked.error().with_context("nftables table " + table);
  return found;
}

}  // namespace strata::sys
