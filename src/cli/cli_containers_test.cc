#include "cli/container_filter.h"
#include "cli/container_text.h"
#include "cli/mount_flag.h"
#include "cli/port_flag.h"
#include <gtest/gtest.h>

namespace strata::cli {
namespace {

using containers::Container;
using containers::Mount;
using containers::PublishedPort;
using containers::State;
using containers::Status;

TEST(PublishFlag, IsReadAsDockerReadsIt) {
  using Ports = std::vector<PublishedPort>;
  struct Case {
    const char* text;
    Ports want;
  };
  const Case cases[] = {
      {"80", {{"", 0, 80, "tcp"}}},
      {"8080:80", {{"", 8080, 80, "tcp"}}},
      {"8080:80/udp", {{"", 8080, 80, "udp"}}},
      {"127.0.0.1:8080:80", {{"127.0.0.1", 8080, 80, "tcp"}}},
      {"127.0.0.1::80", {{"127.0.0.1", 0, 80, "tcp"}}},
      {"[::1]:8080:80", {{"::1", 8080, 80, "tcp"}}},
      {"8000-8001:80-81", {{"", 8000, 80, "tcp"}, {"", 8001, 81, "tcp"}}},
      {"0:80", {{"", 0, 80, "tcp"}}},
  };
  for (const Case& c : cases) {
    const auto ports = parse_publish(c.text);
    ASSERT_TRUE(ports) << c.text << ": " << ports.error().message();
    EXPECT_EQ(*ports, c.want) << c.text;
  }
}

TEST(PublishFlag, SaysWhatIsWrong) {
  const std::pair<const char*, const char*> cases[] = {
      {"x:80", "invalid hostPort: x"},
      {"80:x", "invalid containerPort: x"},
      {"70000", "invalid containerPort: 70000"},
      {"80:", "no port specified: 80:<empty>"},
      {"80/foo", "invalid proto: foo"},
      {"0", "invalid containerPort: 0"},
      {"8000-8002:80-81", "invalid ranges specified for container and host Ports: 80-81 and 8000-8002"},
  };
  for (const auto& [text, message] : cases) EXPECT_EQ(parse_publish(text).error().message(), message) << text;
}

TEST(VolumeFlag, TellsPathsFromNames) {
  Mount mount = *parse_volume("/srv:/data:ro,z");
  EXPECT_EQ(mount.type, Mount::Type::kBind);
  EXPECT_EQ(mount.source, "/srv");
  EXPECT_EQ(mount.target, "/data");
  EXPECT_TRUE(mount.read_only);
  EXPECT_FALSE(mount.must_exist);
  mount = *parse_volume("data:/data");
  EXPECT_EQ(mount.type, Mount::Type::kVolume);
  EXPECT_EQ(mount.name, "data");
  mount = *parse_volume("/data");
  EXPECT_EQ(mount.type, Mount::Type::kVolume);
  EXPECT_EQ(mount.name, "");
  EXPECT_TRUE(parse_volume("./here:/data")->source.ends_with("/here"));
  EXPECT_TRUE(parse_volume("./here:/data")->source.starts_with("/"));
  for (const char* wrong : {"", "a:b:c:d", ":/x", "/a:", "/a:b", "../x y:rel", "bad name:/x", "/a:/b:fast"})
    EXPECT_FALSE(parse_volume(wrong)) << wrong;
}

TEST(MountFlag, KnowsTheThreeTypes) {
  Mount mount = *parse_mount("type=bind,source=/a,target=/b,readonly");
  EXPECT_EQ(mount.type, Mount::Type::kBind);
  EXPECT_TRUE(mount.read_only && mount.must_exist);
  mount = *parse_mount("type=tmpfs,dst=/t,tmpfs-size=1m,tmpfs-mode=1770");
  EXPECT_EQ(mount.tmpfs_options, "size=1048576,mode=1770");
  mount = *parse_mount("src=v,dst=/v");
  EXPECT_EQ(mount.name, "v");
  for (const char* wrong : {"type=bind,target=/b", "type=bind,source=/a", "type=npipe,target=/a", "foo=1,target=/a"})
    EXPECT_FALSE(parse_mount(wrong)) << wrong;
}

Container container() {
  Container out;
  out.id = std::string(64, 'a');
  out.name = "web";
  out.image_name = "nginx";
  out.image_id = oci::Digest::of("image");
  out.config.entrypoint = std::vector<std::string>{"nginx"};
  out.config.cmd = {"-g", "daemon off;"};
  out.config.labels = {{"tier", "front"}, {"empty", ""}};
  return out;
}

TEST(ContainerFilters, MatchAnyValueOfAKeyAndAllKeys) {
  struct Case {
    std::vector<std::string> filters;
    bool match;
  };
  const std::string id = container().image_id.hex();
  const Case cases[] = {
      {{}, true},
      {{"name=we"}, true},
      {{"name=^web$"}, true},
      {{"name=^eb"}, false},
      {{"name=x", "name=/web"}, true},
      {{"id=aaaa"}, true},
      {{"label=tier"}, true},
      {{"label=tier=front", "label=empty"}, true},
      {{"label=tier=front", "label=missing"}, false},
      {{"status=exited"}, true},
      {{"status=running"}, false},
      {{"exited=3"}, true},
      {{"ancestor=nginx:latest"}, true},
      {{"ancestor=docker.io/library/nginx"}, true},
      {{"ancestor=" + id.substr(0, 12)}, true},
      {{"ancestor=debian"}, false},
      {{"name=web", "ancestor=debian"}, false},
  };
  State state;
  state.status = Status::kExited;
  state.exit_code = 3;
  for (const Case& c : cases)
    EXPECT_EQ(ContainerFilter::parse(c.filters)->matches(container(), state), c.match)
        << testing::PrintToString(c.filters);
  for (const char* wrong : {"name", "color=red", "status=happy", "exited=x"})
    EXPECT_FALSE(ContainerFilter::parse({wrong})) << wrong;
}

TEST(ContainerColumns, LookLikeDockers) {
  EXPECT_EQ(command_text(container(), false), "\"nginx -g daemon off;\"");
  EXPECT_EQ(command_text(container(), true), "\"nginx -g daemon off;\"");
  const Timestamp present = *parse_rfc3339("2026-01-02T03:04:05Z");
  State state;
  EXPECT_EQ(status_text(state, present), "Created");
  state.status = Status::kRunning;
  state.started = present - std::chrono::minutes(5);
  EXPECT_EQ(status_text(state, present), "Up 5 minutes");
  state.status = Status::kExited;
  state.exit_code = 137;
  state.finished = present - std::chrono::hours(2);
  EXPECT_EQ(status_text(state, present), "Exited (137) 2 hours ago");
  containers::Config config;
  config.exposed_ports = {"443/tcp", "80/tcp"};
  EXPECT_EQ(ports_text({{"", 8080, 80, "tcp"}}, config), "443/tcp, 0.0.0.0:8080->80/tcp");
}

}  // namespace
}  // namespace strata::cli
