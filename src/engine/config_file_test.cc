#include "engine/settings.h"
#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::engine {
namespace {

Result<Settings> read(const std::string& text) {
  const sys::TempDir dir = TRY(sys::TempDir::create("/tmp"));
  Settings settings;
  settings.config_file = dir.path() + "/config.toml";
  settings.config_file_required = true;
  TRY(sys::replace_file(settings.config_file, text));
  Result<> done = read_config_file(settings);
  if (!done) {
    std::string message = done.error().message();
    message.erase(0, message.rfind("config.toml"));
    return Error(done.error().kind(), message);
  }
  return settings;
}

TEST(ConfigFile, ReadsWhatItKnows) {
  const Settings settings = read(
                                "[storage]\nroot = \"/x\"\n[limits]\nmax_layer_size = \"2g\"\n"
                                "[registry.\"docker.io\"]\nmirrors = [\"http://127.0.0.1:5000\"]\ninsecure = true\n")
                                .value();
  EXPECT_EQ(settings.paths.root, "/x");
  EXPECT_EQ(settings.max_layer_size, std::uint64_t{2} << 30);
  EXPECT_EQ(settings.registry.mirrors.at("docker.io"), std::vector<std::string>{"http://127.0.0.1:5000"});
  EXPECT_TRUE(settings.registry.insecure.contains("docker.io"));
}

TEST(ConfigFile, ErrorsNameFileLineAndKey) {
  EXPECT_EQ(read("\n[limits]\nmax_layer_size = true").error().message(),
            "config.toml:3: limits.max_layer_size should be a size like \"20g\"");
  EXPECT_EQ(read("[registry.x]\nmirrors = [1]").error().message(),
            "config.toml:2: registry.x.mirrors should be a list of strings");
  EXPECT_EQ(read("[limit]\n").error().message(), "config.toml:1: unknown key limit");
  EXPECT_EQ(read("a = ").error().message().substr(0, 15), "config.toml:1:5");
}

TEST(ConfigFile, AMissingFileIsAnErrorOnlyWhenItWasNamed) {
  Settings settings;
  settings.config_file = "/nonexistent/config.toml";
  EXPECT_TRUE(read_config_file(settings));
  settings.config_file_required = true;
  EXPECT_EQ(read_config_file(settings).error().kind(), ErrorKind::kNotFound);
}

}  // namespace
}  // namespace strata::engine
