#include "network/networks.h"

#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/random.h>

#include <algorithm>
#include <cerrno>

#include "base/defer.h"
#include "base/json.h"
#include "network/bridge.h"
#include "sys/file_lock.h"
#include "sys/nftables.h"

namespace strata::network {
namespace {

constexpr std::string_view kVersions[] = {
    "CREATE TABLE network_bridge (name TEXT PRIMARY KEY, subnet INTEGER NOT NULL, prefix_length INTEGER NOT NULL) "
    "STRICT;"
    "CREATE TABLE network_endpoint (container_id TEXT PRIMARY KEY, address INTEGER NOT NULL UNIQUE,"
    "  mac TEXT NOT NULL, host_interface TEXT NOT NULL, ports TEXT NOT NULL) STRICT;"};

std::string ports_to_json(std::span<const PortMapping> ports) {
  json list = json::array();
  for (const PortMapping& port : ports)
    list.push_back({{"host_ip", port.host_ip},
                    {"host_port", port.host_port},
                    {"container_port", port.container_port},
                    {"protocol", port.protocol}});
  return list.dump();
}

Result<std::vector<PortMapping>> ports_from_json(std::string_view text) {
  std::vector<PortMapping> ports;
  for (const json& port : TRY(parse_json(text))) {
    ports.push_back(
        {TRY(string_member(port, "host_ip")), static_cast<std::uint16_t>(TRY(int_member(port, "host_port"))),
         static_cast<std::uint16_t>(TRY(int_member(port, "container_port"))), TRY(string_member(port, "protocol"))});
  }
  return ports;
}

// docker's scheme: 02:42 and the address, so that a new owner of an address has the neighbour entry right.
sys::MacAddress mac_of(std::uint32_t address) {
  return {0x02,
          0x42,
          static_cast<std::uint8_t>(address >> 24),
          static_cast<std::uint8_t>(address >> 16),
          static_cast<std::uint8_t>(address >> 8),
          static_cast<std::uint8_t>(address)};
}

std::string mac_text(const sys::MacAddress& mac) {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
}

// 15 characters at most; the container's short id makes an owner visible in `ip link`.
std::string host_interface_name(std::string_view container_id) {
  return "sv" + std::string(container_id.substr(0, 12));
}

sys::NftBatch::PortElement element_of(const PortMapping& port, std::uint32_t address) {
  const auto host = sys::parse_ipv4(port.host_ip.empty() ? "0.0.0.0" : port.host_ip);
  return {static_cast<std::uint8_t>(port.protocol == "udp" ? IPPROTO_UDP : IPPROTO_TCP), host.value_or(0),
          port.host_port, address, port.container_port};
}

Result<> publish(const std::string& table, std::span<const PortMapping> ports, std::uint32_t address) {
  if (ports.empty()) return {};
  sys::NftBatch batch(table);
  for (const PortMapping& port : ports) {
    const auto element = element_of(port, address);
    batch.add_element(element.host_address == 0 ? kPortMap : kAddressMap, element);
  }
  return batch.commit().context("publish ports");
}

// One transaction per port: one that is gone already must not keep the others.
Result<> withdraw(const std::string& table, std::span<const PortMapping> ports, std::uint32_t address) {
  for (const PortMapping& port : ports) {
    const auto element = element_of(port, address);
    sys::NftBatch batch(table);
    batch.delete_element(element.host_address == 0 ? kPortMap : kAddressMap, element);
    const Result<> done = batch.commit();
    if (!done && done.error().error_number() != ENOENT) return done.error().with_context("withdraw ports");
  }
  return {};
}

Result<std::optional<Bridge>> recorded_bridge(store::Store& store) {
  store::Statement row = TRY(store.db().query("SELECT name, subnet, prefix_length FROM network_bridge"));
  if (!TRY(row.step())) return std::nullopt;
  return Bridge{row.text(0), {static_cast<std::uint32_t>(row.integer(1)), static_cast<int>(row.integer(2))}};
}

// The bridge of this store, recorded and there. A subnet that another network of the host has taken
// since (it was recorded, but the interface is gone) is chosen anew.
Result<std::pair<Bridge, unsigned>> ready_bridge(store::Store& store, sys::NetlinkSocket& route) {
  const auto recorded = TRY(recorded_bridge(store));
  if (recorded) {
    const auto index = sys::interface_index(recorded->name);
    if (index && TRY(sys::nft_table_exists(recorded->name))) return std::pair{*recorded, *index};
  }
  const auto lock = TRY(sys::FileLock::acquire(store.paths().run_root + "/network.lock"));
  std::optional<Bridge> bridge = TRY(recorded_bridge(store));
  const std::string name = bridge_name(store.paths().root);
  if (!bridge || !sys::interface_index(bridge->name)) {
    bool keep = bridge.has_value();
    if (keep)
      for (const sys::Subnet& taken : TRY(sys::routed_subnets(route)))
        keep = keep && !sys::overlap(taken, bridge->subnet);
    if (!keep) {
      bridge = Bridge{name, TRY(choose_subnet(route))};
      store::Transaction change = TRY(store.db().begin());
      TRY(store.db().run("DELETE FROM network_bridge"));
      TRY(store.db().run("INSERT INTO network_bridge(name, subnet, prefix_length) VALUES (?, ?, ?)", bridge->name,
                         std::int64_t{bridge->subnet.address}, bridge->subnet.prefix_length));
      TRY(change.commit());
    }
  }
  const unsigned index = TRY(ensure_bridge(route, *bridge));
  if (TRY(ensure_table(*bridge))) {
    store::Statement rows = TRY(store.db().query("SELECT address, ports FROM network_endpoint"));
    while (TRY(rows.step()))
      TRY(publish(bridge->name, TRY(ports_from_json(rows.text(1))), static_cast<std::uint32_t>(rows.integer(0))));
  }
  return std::pair{*bridge, index};
}

// Records an address for the container: the one after the highest in use, so that a freed one rests; from
// the start again when the end is reached.
Result<std::uint32_t> reserve_address(store::Store& store, const Bridge& bridge, std::string_view container_id,
                                      std::span<const PortMapping> ports) {
  store::Transaction change = TRY(store.db().begin());
  const std::uint32_t first = bridge.subnet.address + 2;
  const std::uint32_t last = bridge.subnet.address + (1u << (32 - bridge.subnet.prefix_length)) - 2;
  std::vector<std::uint32_t> used;
  {
    store::Statement rows = TRY(store.db().query("SELECT address FROM network_endpoint ORDER BY address"));
    while (TRY(rows.step())) used.push_back(static_cast<std::uint32_t>(rows.integer(0)));
  }
  std::uint32_t address = used.empty() ? first : used.back() + 1;
  if (address < first || address > last) {
    address = first;
    for (const std::uint32_t taken : used) {
      if (taken > address) break;
      if (taken == address) ++address;
    }
  }
  if (address > last)
    return error(ErrorKind::kResourceExhausted, "all addresses of {}/{} are in use",
                 sys::ipv4_text(bridge.subnet.address), bridge.subnet.prefix_length);
  TRY(store.db().run(
      "INSERT INTO network_endpoint(container_id, address, mac, host_interface, ports) VALUES (?, ?, ?, ?, ?)",
      container_id, std::int64_t{address}, mac_text(mac_of(address)), host_interface_name(container_id),
      ports_to_json(ports)));
  TRY(change.commit());
  return address;
}

// The kernel takes an interface down some time after its namespace, and may be about it at this moment.
Result<> remove_interface(sys::NetlinkSocket& route, const std::string& name) {
  const auto index = sys::interface_index(name);
  if (!index) return {};
  const Result<> deleted = sys::delete_link(route, *index);
  if (!deleted && deleted.error().error_number() != ENODEV) return deleted.error();
  return {};
}

struct Row {
  std::string container_id;
  std::uint32_t address = 0;
  std::string host_interface;
  std::vector<PortMapping> ports;
};

Result<std::vector<Row>> all_rows(store::Store& store) {
  std::vector<Row> rows;
  store::Statement query =
      TRY(store.db().query("SELECT container_id, address, host_interface, ports FROM network_endpoint"));
  while (TRY(query.step()))
    rows.push_back({query.text(0), static_cast<std::uint32_t>(query.integer(1)), query.text(2),
                    TRY(ports_from_json(query.text(3)))});
  return rows;
}

}  // namespace

const store::Schema& Networks::schema() {
  static constexpr store::Schema kSchema{.owner = "network", .versions = kVersions};
  return kSchema;
}

Result<Endpoint> Networks::attach(std::string_view container_id, int netns, std::span<const PortMapping> ports) {
  sys::NetlinkSocket route = TRY(sys::NetlinkSocket::open(NETLINK_ROUTE));
  const auto [bridge, bridge_index] = TRY(ready_bridge(store_, route));
  const std::uint32_t address = TRY(reserve_address(store_, bridge, container_id, ports));
  Defer undo([&] { (void)detach(container_id); });
  const std::string host_interface = host_interface_name(container_id);
  const sys::MacAddress mac = mac_of(address);
  TRY(remove_interface(route, host_interface));  // of its last run
  TRY(sys::create_veth(route, host_interface, bridge_index, netns, "eth0", mac));
  sys::NetlinkSocket inside = TRY(sys::NetlinkSocket::open_in(netns, NETLINK_ROUTE));
  TRY(sys::configure_endpoint(inside, TRY(sys::find_link(inside, "eth0")), address, bridge.subnet.prefix_length,
                              bridge.gateway()));
  TRY(sys::settle_carrier(host_interface));
  TRY(publish(bridge.name, ports, address));
  undo.cancel();
  return Endpoint{sys::ipv4_text(address), bridge.subnet.prefix_length, sys::ipv4_text(bridge.gateway()), mac_text(mac),
                  host_interface,          {ports.begin(), ports.end()}};
}

Result<> Networks::detach(std::string_view container_id) {
  std::uint32_t address = 0;
  std::vector<PortMapping> ports;
  {
    store::Statement row =
        TRY(store_.db().query("SELECT address, ports FROM network_endpoint WHERE container_id = ?", container_id));
    if (!TRY(row.step())) return {};
    address = static_cast<std::uint32_t>(row.integer(0));
    ports = TRY(ports_from_json(row.text(1)));
  }
  TRY(withdraw(bridge_name(store_.paths().root), ports, address));
  return store_.db().run("DELETE FROM network_endpoint WHERE container_id = ?", container_id);
}

Result<std::optional<Endpoint>> Networks::find(std::string_view container_id) {
  store::Statement row = TRY(store_.db().query(
      "SELECT address, mac, host_interface, ports, subnet, prefix_length FROM network_endpoint, network_bridge"
      " WHERE container_id = ?",
      container_id));
  if (!TRY(row.step())) return std::nullopt;
  return Endpoint{sys::ipv4_text(static_cast<std::uint32_t>(row.integer(0))),
                  static_cast<int>(row.integer(5)),
                  sys::ipv4_text(static_cast<std::uint32_t>(row.integer(4)) + 1),
                  row.text(1),
                  row.text(2),
                  TRY(ports_from_json(row.text(3)))};
}

Result<> Networks::sweep(std::span<const std::string> live_ids) {
  for (const Row& row : TRY(all_rows(store_))) {
    if (std::ranges::find(live_ids, row.container_id) != live_ids.end()) continue;
    sys::NetlinkSocket route = TRY(sys::NetlinkSocket::open(NETLINK_ROUTE));
    TRY(remove_interface(route, row.host_interface));
    TRY(detach(row.container_id));
  }
  return {};
}

Result<> Networks::remove_if_unused() {
  const auto lock = TRY(sys::FileLock::acquire(store_.paths().run_root + "/network.lock"));
  store::Transaction change = TRY(store_.db().begin());
  if (!TRY(all_rows(store_)).empty()) return {};
  sys::NetlinkSocket route = TRY(sys::NetlinkSocket::open(NETLINK_ROUTE));
  TRY(remove_bridge(route, bridge_name(store_.paths().root)));
  TRY(store_.db().run("DELETE FROM network_bridge"));
  return change.commit();
}

}  // namespace strata::network
