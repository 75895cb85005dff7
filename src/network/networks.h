// The default bridge of a store: addresses, the containers' interfaces, published ports, NAT.
//
// Each store has a bridge and an nftables table of its own (named after it, see bridge.h), so that two
// stores on one host do not tread on each other. What is handed out is recorded before it exists in the
// kernel and forgotten after it is gone there; the kernel drops a container's interface with its
// namespace. IPv4 only. Source of the nftables layout: nft(8).
//
// Thread-safe as the store is.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/store.h"
#include "sys/unique_fd.h"

namespace strata::network {

struct PortMapping {
  std::string host_ip;          // "" or "0.0.0.0": all addresses
  std::uint16_t host_port = 0;  // 0 = any free one, chosen by hold_ports()
  std::uint16_t container_port = 0;
  std::string protocol = "tcp";  // or "udp"
};

// What a container has on the bridge.
struct Endpoint {
  std::string address;  // "172.29.0.2"
  int prefix_length = 0;
  std::string gateway;
  std::string mac;
  std::string host_interface;
  std::vector<PortMapping> ports;
};

// Sockets bound to published host ports. While they are open no other program of the host can take the
// port; connections never reach them, because nftables redirects packets first. The monitor keeps them.
struct HeldPorts {
  std::vector<sys::UniqueFd> sockets;
  std::vector<PortMapping> ports;  // with the ports that were chosen
};

// Errors: kConflict "… port is already allocated"; kInvalidArgument for an address that is none.
Result<HeldPorts> hold_ports(std::span<const PortMapping> ports);

class Networks {
 public:
  explicit Networks(store::Store& store) : store_(store) {}
  static const store::Schema& schema();

  // Gives the container an address, an eth0 in `netns` (with lo up and the default route) and its port
  // redirections; makes the bridge and the table when they are not there. Nothing stays on error.
  Result<Endpoint> attach(std::string_view container_id, int netns, std::span<const PortMapping> ports);
  // Forgets all that attach() gave; the interface itself goes with the namespace. Unknown ids are fine.
  Result<> detach(std::string_view container_id);
  Result<std::optional<Endpoint>> find(std::string_view container_id);
  // Detaches every container that is not among `live_ids`, deleting interfaces that still exist.
  Result<> sweep(std::span<const std::string> live_ids);
  // Removes the bridge and the table when no container is attached.
  Result<> remove_if_unused();

 private:
  store::Store& store_;
};

// resolv.conf(5) for a container with a network namespace of its own: the host's, without name servers
// on the loopback interface (they cannot be reached from there); with none left, systemd-resolved's list.
Result<std::string> resolv_conf();

}  // namespace strata::network
