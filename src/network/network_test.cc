// Against the real kernel, in a network namespace of the test's own; as root.
#include <arpa/inet.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "network/bridge.h"
#include "network/networks.h"
#include "sys/file.h"
#include "sys/link.h"
#include "sys/nftables.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::network {
namespace {

using sys::UniqueFd;

template <class T>
T ok(Result<T> result) {
  if (!result) ADD_FAILURE() << result.error().message();
  return std::move(result).value();
}
void ok(Result<> result) { EXPECT_TRUE(result) << result.error().message(); }

class NetworkTest : public ::testing::Test {
 protected:
  // Every test gets a host of its own: a fresh network namespace for its thread.
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    home_ = sys::open_file("/proc/thread-self/ns/net", O_RDONLY).value();
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0);
    auto route = sys::NetlinkSocket::open(NETLINK_ROUTE).value();
    ASSERT_TRUE(sys::set_loopback_up(route));
    const store::Schema schemas[] = {Networks::schema()};
    store_ = store::Store::open({dir_.path() + "/root", dir_.path() + "/run"}, schemas, {.settle_in_background = false})
                 .value();
    networks_.emplace(*store_);
  }
  void TearDown() override {
    if (home_) ::setns(home_.get(), CLONE_NEWNET);
  }
  // Another namespace, as a container has it.
  static UniqueFd new_namespace() {
    UniqueFd made;
    std::thread([&] {
      ::unshare(CLONE_NEWNET);
      made = sys::open_file("/proc/thread-self/ns/net", O_RDONLY).value();
    }).join();
    return made;
  }
  template <class F>
  static void within(int netns, F function) {
    std::thread([&] {
      ASSERT_EQ(::setns(netns, CLONE_NEWNET), 0);
      function();
    }).join();
  }
  static UniqueFd listen_on(std::uint16_t port) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in any{AF_INET, htons(port), {htonl(INADDR_ANY)}, {}};
    EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&any), sizeof any), 0);
    EXPECT_EQ(::listen(fd.get(), 8), 0);
    return fd;
  }
  // True when the connection is taken; refused, dropped (1 s) or unreachable is false.
  static bool connects(const std::string& address, std::uint16_t port) {
    UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const sockaddr_in to{AF_INET, htons(port), {htonl(*sys::parse_ipv4(address))}, {}};
    if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0) return true;
    pollfd ready{fd.get(), POLLOUT, 0};
    if (::poll(&ready, 1, 1000) != 1) return false;
    int failure = 0;
    socklen_t length = sizeof failure;
    ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &failure, &length);
    return failure == 0;
  }

  sys::TempDir dir_ = sys::TempDir::create("/tmp", "strata-net.").value();
  UniqueFd home_;
  std::unique_ptr<store::Store> store_;
  std::optional<Networks> networks_;
};

TEST_F(NetworkTest, ContainersReachEachOtherAndTheHost) {
  const UniqueFd a = new_namespace(), b = new_namespace();
  const Endpoint ea = ok(networks_->attach(std::string(64, 'a'), a.get(), {}));
  const Endpoint eb = ok(networks_->attach(std::string(64, 'b'), b.get(), {}));
  EXPECT_NE(ea.address, eb.address);
  EXPECT_EQ(networks_->find(std::string(64, 'a')).value()->address, ea.address);
  UniqueFd server;
  within(b.get(), [&] { server = listen_on(80); });
  within(a.get(), [&] {
    EXPECT_TRUE(connects(eb.address, 80));
    EXPECT_FALSE(connects(eb.address, 81));
  });
  const UniqueFd host = listen_on(8000);
  within(a.get(), [&] { EXPECT_TRUE(connects(ea.gateway, 8000)); });
}

TEST_F(NetworkTest, APublishedPortIsReachedThroughTheHostAndFreeAfterwards) {
  const std::string id(64, 'a');
  const UniqueFd netns = new_namespace();
  const PortMapping wanted[] = {{"", 0, 80, "tcp"}, {"127.0.0.1", 0, 80, "tcp"}};
  HeldPorts held = hold_ports(wanted).value();
  const std::uint16_t any = held.ports[0].host_port, local = held.ports[1].host_port;
  const Endpoint endpoint = ok(networks_->attach(id, netns.get(), held.ports));
  UniqueFd server;
  within(netns.get(), [&] { server = listen_on(80); });
  EXPECT_TRUE(connects("127.0.0.1", any));
  EXPECT_TRUE(connects(endpoint.gateway, any));
  EXPECT_TRUE(connects("127.0.0.1", local));
  EXPECT_FALSE(connects(endpoint.gateway, local));
  // From another container through the host's address.
  const UniqueFd other = new_namespace();
  ok(networks_->attach(std::string(64, 'b'), other.get(), {}));
  within(other.get(), [&] { EXPECT_TRUE(connects(endpoint.gateway, any)); });

  const PortMapping again[] = {{"", any, 80, "tcp"}};
  const auto refused = hold_ports(again);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::kConflict);
  EXPECT_NE(refused.error().message().find("port is already allocated"), std::string::npos);
  held.sockets.clear();
  ok(networks_->detach(id));
  EXPECT_FALSE(connects("127.0.0.1", any));
  EXPECT_TRUE(hold_ports(again));
  EXPECT_FALSE(networks_->find(id).value());
}

TEST_F(NetworkTest, ANeighbourOnTheBridgeCannotReachTheHostsLoopback) {
  const UniqueFd netns = new_namespace();
  const Endpoint endpoint = ok(networks_->attach(std::string(64, 'a'), netns.get(), {}));
  const UniqueFd server = listen_on(9999);
  within(netns.get(), [&] {
    // What a container with CAP_NET_ADMIN could do to send 127.0.0.1 over the wire.
    auto route = sys::NetlinkSocket::open(NETLINK_ROUTE).value();
    ASSERT_TRUE(sys::delete_link(route, 1) || true);
    (void)sys::write_pseudo_file("/proc/sys/net/ipv4/conf/eth0/route_localnet", "1");
    EXPECT_FALSE(connects("127.0.0.1", 9999));
  });
}

TEST_F(NetworkTest, SweepForgetsTheDeadAndTheBridgeGoesWhenUnused) {
  const UniqueFd a = new_namespace(), b = new_namespace();
  const std::string alive(64, 'a'), dead(64, 'b');
  ok(networks_->attach(alive, a.get(), {}));
  const Endpoint gone = ok(networks_->attach(dead, b.get(), {}));
  const std::string live[] = {alive};
  ok(networks_->sweep(live));
  EXPECT_TRUE(networks_->find(alive).value());
  EXPECT_FALSE(networks_->find(dead).value());
  EXPECT_FALSE(sys::interface_index(gone.host_interface));
  const std::string bridge = bridge_name(store_->paths().root);
  ok(networks_->remove_if_unused());
  EXPECT_TRUE(sys::interface_index(bridge));
  ok(networks_->sweep({}));
  ok(networks_->remove_if_unused());
  EXPECT_FALSE(sys::interface_index(bridge));
}

TEST_F(NetworkTest, AContainerStartsAgainBeforeTheKernelHasTakenItsLastInterfaceDown) {
  const std::string id(64, 'a');
  const UniqueFd last = new_namespace(), now = new_namespace();
  const Endpoint before = ok(networks_->attach(id, last.get(), {}));
  ok(networks_->detach(id));
  ASSERT_TRUE(sys::interface_index(before.host_interface));
  const Endpoint after = ok(networks_->attach(id, now.get(), {}));
  UniqueFd server;
  within(now.get(), [&] { server = listen_on(80); });
  EXPECT_TRUE(connects(after.address, 80));
}

TEST_F(NetworkTest, ATableThatSomebodyFlushedIsMadeAgainWithItsPorts) {
  const UniqueFd a = new_namespace(), b = new_namespace();
  const PortMapping wanted[] = {{"", 0, 80, "tcp"}};
  const HeldPorts held = hold_ports(wanted).value();
  ok(networks_->attach(std::string(64, 'a'), a.get(), held.ports));
  UniqueFd server;
  within(a.get(), [&] { server = listen_on(80); });
  ::fcntl(server.get(), F_SETFL, O_NONBLOCK);
  // The held socket takes connections too, so what counts is whether the container saw one.
  const auto reached = [&] {
    EXPECT_TRUE(connects("127.0.0.1", held.ports[0].host_port));
    return UniqueFd(::accept(server.get(), nullptr, nullptr)).get() >= 0;
  };
  EXPECT_TRUE(reached());
  sys::NftBatch flush(bridge_name(store_->paths().root));
  flush.delete_table();
  ok(flush.commit());
  EXPECT_FALSE(reached());
  ok(networks_->attach(std::string(64, 'b'), b.get(), {}));
  EXPECT_TRUE(reached());
}

TEST(Subnets, OverlapIsSymmetricAndByTheShorterPrefix) {
  const sys::Subnet wide{10u << 24, 8}, narrow{10u << 24 | 1 << 16, 16}, other{11u << 24, 8};
  EXPECT_TRUE(sys::overlap(wide, narrow) && sys::overlap(narrow, wide));
  EXPECT_FALSE(sys::overlap(wide, other));
}

}  // namespace
}  // namespace strata::network
