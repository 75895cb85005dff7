#include "build/config_changes.h"

#include <gtest/gtest.h>

namespace strata::build {
namespace {

using Strings = std::vector<std::string>;

oci::ImageConfig base() {
  oci::ImageConfig config;
  config.config.env = {"A=1", "B=2"};
  config.config.cmd = {"old"};
  config.config.working_dir = "/srv";
  config.config.labels = {{"keep", "me"}};
  config.history.push_back({.created_by = "before"});
  return config;
}

TEST(ConfigChanges, EveryInstructionThatDockerAllows) {
  oci::ImageConfig config = base();
  const Strings changes = {"CMD [\"a\", \"b c\"]", "ENV A=3 C=$B",     "EXPOSE 80 53/udp",
                           "label x=\"y z\" w=v",  "ONBUILD RUN true", "USER nobody:nogroup",
                           "VOLUME /data",         "WORKDIR sub",      "HEALTHCHECK --interval=5s CMD true",
                           "STOPSIGNAL SIGQUIT"};
  const auto applied = apply_changes(changes, config);
  ASSERT_TRUE(applied) << applied.error().message();
  EXPECT_EQ(config.config.cmd, (Strings{"a", "b c"}));
  EXPECT_EQ(config.config.env, (Strings{"A=3", "B=2", "C=2"}));
  EXPECT_EQ(config.config.exposed_ports, (std::set<std::string>{"80/tcp", "53/udp"}));
  EXPECT_EQ(config.config.labels, (std::map<std::string, std::string>{{"keep", "me"}, {"x", "y z"}, {"w", "v"}}));
  EXPECT_EQ(config.config.on_build, Strings{"RUN true"});
  EXPECT_EQ(config.config.user, "nobody:nogroup");
  EXPECT_EQ(config.config.volumes, std::set<std::string>{"/data"});
  EXPECT_EQ(config.config.working_dir, "/srv/sub");
  EXPECT_EQ(config.config.stop_signal, "SIGQUIT");
  EXPECT_NE(config.config.healthcheck.find("5000000000"), std::string::npos) << config.config.healthcheck;
  EXPECT_EQ(config.history.size(), 1u);
}

TEST(ConfigChanges, AnEntrypointTakesTheOldCommandAway) {
  oci::ImageConfig config = base();
  ASSERT_TRUE(apply_changes(Strings{"ENTRYPOINT exec top"}, config));
  EXPECT_EQ(config.config.entrypoint, (Strings{"/bin/sh", "-c", "exec top"}));
  EXPECT_EQ(config.config.cmd, Strings{});
  config = base();
  ASSERT_TRUE(apply_changes(Strings{"CMD [\"new\"]", "ENTRYPOINT [\"top\"]"}, config));
  EXPECT_EQ(config.config.cmd, Strings{"new"});
}

TEST(ConfigChanges, WhatIsNotAllowed) {
  for (const auto& [change, complaint] :
       std::map<std::string, std::string>{{"RUN true", "run is not a valid change command"},
                                          {"COPY a b", "copy is not a valid change command"},
                                          {"FROM x", "FROM is not a valid change command"},
                                          {"NONSENSE x", "NONSENSE"},
                                          {"ENV", "ENV"}}) {
    oci::ImageConfig config = base();
    const auto applied = apply_changes(Strings{change}, config);
    ASSERT_FALSE(applied) << change;
    EXPECT_NE(applied.error().message().find(complaint), std::string::npos) << applied.error().message();
  }
}

}  // namespace
}  // namespace strata::build
