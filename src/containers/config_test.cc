#include <algorithm>

#include "containers/config_merge.h"
#include "containers/containers.h"
#include "containers/names.h"
#include <gtest/gtest.h>

namespace strata::containers {
namespace {

using Strings = std::vector<std::string>;

TEST(MergeConfig, CombinesEntrypointAndCommandAsDockerDoes) {
  struct Case {
    const char* name;
    std::optional<Strings> asked_entrypoint;
    Strings asked_cmd;
    Strings image_entrypoint, image_cmd;
    Strings want;
  };
  const Case cases[] = {
      {"image's both", std::nullopt, {}, {"/e"}, {"c"}, {"/e", "c"}},
      {"own command", std::nullopt, {"x", "y"}, {"/e"}, {"c"}, {"/e", "x", "y"}},
      {"own entrypoint drops the image's command", Strings{"/f"}, {}, {"/e"}, {"c"}, {"/f"}},
      {"own entrypoint and command", Strings{"/f"}, {"x"}, {"/e"}, {"c"}, {"/f", "x"}},
      {"empty entrypoint resets", Strings{""}, {"x"}, {"/e"}, {"c"}, {"x"}},
      {"only an image command", std::nullopt, {}, {}, {"sh"}, {"sh"}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    Config asked;
    asked.entrypoint = c.asked_entrypoint;
    asked.cmd = c.asked_cmd;
    oci::ContainerConfig image;
    image.entrypoint = c.image_entrypoint;
    image.cmd = c.image_cmd;
    Container container;
    container.config = *merge_config(asked, image);
    EXPECT_EQ(container.command(), c.want);
  }
}

TEST(MergeConfig, RefusesAnEmptyCommand) {
  Config asked;
  EXPECT_EQ(merge_config(asked, {}).error().message(), "no command specified");
  asked.entrypoint = Strings{""};
  oci::ContainerConfig image;
  image.cmd = {"sh"};
  EXPECT_EQ(merge_config(asked, image).error().message(), "no command specified");
}

TEST(MergeConfig, ReplacesAndRemovesVariablesByName) {
  Config asked;
  asked.cmd = {"sh"};
  asked.env = {"B=own", "C", "D=new", "D=newer"};
  oci::ContainerConfig image;
  image.env = {"A=1", "B=2", "C=3"};
  EXPECT_EQ(merge_config(asked, image)->env, (Strings{"A=1", "B=own", "D=newer"}));
}

TEST(MergeConfig, GivesImageVolumesAnAnonymousOneUnlessSomethingIsMountedThere) {
  Config asked;
  asked.cmd = {"sh"};
  asked.mounts.push_back({.type = Mount::Type::kBind, .source = "/srv", .target = "/data/./x/../"});
  oci::ContainerConfig image;
  image.volumes = {"/data", "/cache/"};
  const Config merged = *merge_config(asked, image);
  ASSERT_EQ(merged.mounts.size(), 2u);
  EXPECT_EQ(merged.mounts[0].target, "/data");
  EXPECT_EQ(merged.mounts[1].target, "/cache");
  EXPECT_TRUE(merged.mounts[1].anonymous);
  EXPECT_EQ(merged.mounts[1].name.size(), 64u);
}

TEST(MergeConfig, RefusesMountsWithoutAPlace) {
  Config asked;
  asked.cmd = {"sh"};
  asked.mounts = {{.source = "/a", .target = "relative"}};
  EXPECT_FALSE(merge_config(asked, {}));
  asked.mounts = {{.source = "/a", .target = "/x/.."}};
  EXPECT_FALSE(merge_config(asked, {}));
  asked.mounts = {{.source = "/a", .target = "/x"}, {.source = "/b", .target = "/x/"}};
  EXPECT_EQ(merge_config(asked, {}).error().message(), "Duplicate mount point: /x");
}

TEST(Capabilities, FollowAddAndDrop) {
  struct Case {
    Strings add, drop;
    std::size_t count;
    const char* has;
    const char* lacks;
  };
  const Case cases[] = {
      {{}, {}, 14, "CAP_CHOWN", "CAP_SYS_ADMIN"},
      {{"net_admin"}, {}, 15, "CAP_NET_ADMIN", "CAP_SYS_ADMIN"},
      {{}, {"CAP_CHOWN"}, 13, "CAP_KILL", "CAP_CHOWN"},
      {{}, {"all"}, 0, nullptr, "CAP_KILL"},
      {{"NET_RAW"}, {"ALL"}, 1, "CAP_NET_RAW", "CAP_KILL"},
      {{"ALL"}, {}, 41, "CAP_SYS_ADMIN", nullptr},
      {{"ALL"}, {"SYS_ADMIN"}, 40, "CAP_BPF", "CAP_SYS_ADMIN"},
  };
  for (const Case& c : cases) {
    Config config;
    config.cap_add = c.add;
    config.cap_drop = c.drop;
    const Strings names = *effective_capabilities(config);
    SCOPED_TRACE(testing::PrintToString(c.add) + testing::PrintToString(c.drop));
    EXPECT_EQ(names.size(), c.count);
    const auto has = [&](const char* name) { return std::ranges::find(names, name) != names.end(); };
    EXPECT_TRUE(c.has == nullptr || has(c.has));
    EXPECT_FALSE(c.lacks != nullptr && has(c.lacks));
  }
  Config config;
  config.cap_add = {"FLY"};
  EXPECT_EQ(effective_capabilities(config).error().message(), "invalid capability: \"FLY\"");
}

TEST(ConfigJson, KeepsEveryMember) {
  Config c;
  c.hostname = "h";
  c.domainname = "d";
  c.user = "u:g";
  c.working_dir = "/w";
  c.env = {"A=1", "EMPTY="};
  c.entrypoint = Strings{};
  c.cmd = {"a", "b c"};
  c.labels = {{"k", "v"}};
  c.exposed_ports = {"80/tcp"};
  c.stop_signal = "SIGQUIT";
  c.stop_timeout = 0;
  c.tty = c.open_stdin = c.stdin_once = c.attach_stdin = c.attach_stdout = c.attach_stderr = true;
  c.auto_remove = c.read_only = c.privileged = c.init = c.publish_all = true;
  c.network_mode = "none";
  c.ports = {{"127.0.0.1", 8080, 80, "tcp"}, {"", 0, 53, "udp"}};
  c.mounts = {{.type = Mount::Type::kVolume,
               .name = "v",
               .target = "/v",
               .read_only = true,
               .anonymous = true,
               .no_copy = true},
              {.type = Mount::Type::kTmpfs, .target = "/t", .tmpfs_options = "size=1m"}};
  c.cap_add = {"ALL"};
  c.memory = 1 << 20;
  c.memory_swap = -1;
  c.nano_cpus = 1'500'000'000;
  c.pids_limit = 7;
  c.shm_size = 1;
  c.log_options = {{"max-size", "1m"}};
  const std::string text = config_to_json(c);
  EXPECT_EQ(config_to_json(*config_from_json(text)), text);
  EXPECT_EQ(config_to_json(*config_from_json("{}")), "{}");
  EXPECT_EQ(config_from_json(R"({"Tty": 3})").error().kind(), ErrorKind::kCorrupt);
}

TEST(Signals, AreKnownByNameAndNumber) {
  EXPECT_EQ(*parse_signal("KILL"), 9);
  EXPECT_EQ(*parse_signal("sigterm"), 15);
  EXPECT_EQ(*parse_signal("9"), 9);
  EXPECT_EQ(*parse_signal("RTMIN+3"), 37);
  EXPECT_EQ(*parse_signal("SIGRTMAX-1"), 63);
  for (const char* wrong : {"", "0", "65", "NOPE", "SIG", "-9", "RTMIN+99", "RTMAX+1"})
    EXPECT_EQ(parse_signal(wrong).error().kind(), ErrorKind::kInvalidArgument) << wrong;
}

TEST(Names, FollowDockersRule) {
  EXPECT_EQ(*parse_name("/web"), "web");
  for (const char* wrong : {"", "/", "a", "-ab", "a b", "a/b", "//ab", "\xc3\xa4z"})
    EXPECT_FALSE(parse_name(wrong)) << wrong;
  EXPECT_TRUE(parse_name(made_up_name()));
}

}  // namespace
}  // namespace strata::containers
