#include "containers/spec.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace strata::containers {
namespace {

using Strings = std::vector<std::string>;

struct Fixture {
  Config config;
  RootfsUser user;
  Strings sources;
  Fixture() { config.cmd = {"sh"}; }
  oci::RuntimeSpec spec() const {
    return *make_spec({.id = std::string(64, 'a'),
                       .config = config,
                       .user = user,
                       .hostname_file = "/c/hostname",
                       .hosts_file = "/c/hosts",
                       .resolv_conf_file = "/c/resolv.conf",
                       .mount_sources = sources,
                       .join_network = "",
                       .cgroup = "/strata/x"});
  }
};

const oci::Mount* mount_at(const oci::RuntimeSpec& spec, std::string_view target) {
  const auto found = std::ranges::find(spec.mounts, target, &oci::Mount::destination);
  return found == spec.mounts.end() ? nullptr : &*found;
}

bool has(const Strings& list, std::string_view text) { return std::ranges::find(list, text) != list.end(); }

bool has_namespace(const oci::RuntimeSpec& spec, oci::NamespaceType type) {
  return std::ranges::find(spec.linux_part.namespaces, type, &oci::Namespace::type) != spec.linux_part.namespaces.end();
}

TEST(Spec, TurnsOptionsIntoLimits) {
  struct Case {
    const char* name;
    void (*change)(Config&);
    bool (*right)(const oci::RuntimeSpec&);
  };
  const Case cases[] = {
      {"--memory doubles for swap", [](Config& c) { c.memory = 64 << 20; },
       [](const oci::RuntimeSpec& s) {
         return s.linux_part.resources.memory.limit == 64 << 20 && s.linux_part.resources.memory.swap == 128 << 20;
       }},
      {"--memory-swap -1", [](Config& c) { c.memory = 64 << 20, c.memory_swap = -1; },
       [](const oci::RuntimeSpec& s) { return s.linux_part.resources.memory.swap == -1; }},
      {"--cpus 1.5", [](Config& c) { c.nano_cpus = 1'500'000'000; },
       [](const oci::RuntimeSpec& s) {
         return s.linux_part.resources.cpu.period == 100'000u && s.linux_part.resources.cpu.quota == 150'000;
       }},
      {"--pids-limit", [](Config& c) { c.pids_limit = 7; },
       [](const oci::RuntimeSpec& s) { return s.linux_part.resources.pids_limit == 7; }},
      {"--pids-limit -1", [](Config& c) { c.pids_limit = -1; },
       [](const oci::RuntimeSpec& s) { return !s.linux_part.resources.pids_limit; }},
      {"--read-only", [](Config& c) { c.read_only = true; }, [](const oci::RuntimeSpec& s) { return s.root.readonly; }},
      {"nothing", [](Config&) {},
       [](const oci::RuntimeSpec& s) {
         return !s.linux_part.resources.memory.limit && !s.linux_part.resources.cpu.quota && !s.root.readonly;
       }},
      {"-t", [](Config& c) { c.tty = true; },
       [](const oci::RuntimeSpec& s) { return s.process.terminal && has(s.process.env, "TERM=xterm"); }},
      {"--hostname", [](Config& c) { c.hostname = "web"; },
       [](const oci::RuntimeSpec& s) { return s.hostname == "web" && has(s.process.env, "HOSTNAME=web"); }},
      {"no hostname", [](Config&) {}, [](const oci::RuntimeSpec& s) { return s.hostname == "aaaaaaaaaaaa"; }},
      {"-w", [](Config& c) { c.working_dir = "/srv"; },
       [](const oci::RuntimeSpec& s) { return s.process.cwd == "/srv"; }},
      {"no -w", [](Config&) {}, [](const oci::RuntimeSpec& s) { return s.process.cwd == "/"; }},
      {"--network host", [](Config& c) { c.network_mode = "host"; },
       [](const oci::RuntimeSpec& s) {
         return !has_namespace(s, oci::NamespaceType::kNetwork) && s.linux_part.sysctl.empty();
       }},
      {"--network none", [](Config& c) { c.network_mode = "none"; },
       [](const oci::RuntimeSpec& s) { return has_namespace(s, oci::NamespaceType::kNetwork); }},
      {"--security-opt no-new-privileges", [](Config& c) { c.security_opt = {"no-new-privileges"}; },
       [](const oci::RuntimeSpec& s) { return s.process.no_new_privileges; }},
  };
  for (const Case& c : cases) {
    Fixture fixture;
    c.change(fixture.config);
    EXPECT_TRUE(c.right(fixture.spec())) << c.name;
  }
}

TEST(Spec, SetsVariablesInDockersWay) {
  Fixture fixture;
  fixture.config.env = {"PATH=/own", "A=1"};
  fixture.user.home = "/home/u";
  EXPECT_EQ(fixture.spec().process.env, (Strings{"PATH=/own", "HOSTNAME=aaaaaaaaaaaa", "A=1", "HOME=/home/u"}));
  fixture.config.env = {"HOME=/mine"};
  EXPECT_TRUE(has(fixture.spec().process.env, "HOME=/mine"));
}

TEST(Spec, GivesCapabilitiesToRootOnly) {
  Fixture fixture;
  EXPECT_EQ(fixture.spec().process.capabilities.effective.size(), 14u);
  fixture.user.uid = 1000;
  const oci::Capabilities sets = fixture.spec().process.capabilities;
  EXPECT_EQ(sets.bounding.size(), 14u);
  EXPECT_TRUE(sets.effective.empty());
  EXPECT_TRUE(sets.ambient.empty());
  EXPECT_TRUE(sets.inheritable.empty());
}

TEST(Spec, ConfinesUnlessPrivileged) {
  Fixture fixture;
  oci::RuntimeSpec spec = fixture.spec();
  EXPECT_TRUE(has(spec.linux_part.masked_paths, "/proc/kcore"));
  EXPECT_TRUE(has(spec.linux_part.readonly_paths, "/proc/sys"));
  EXPECT_FALSE(spec.linux_part.resources.devices.front().allow);
  EXPECT_TRUE(has(mount_at(spec, "/sys")->options, "ro"));
  EXPECT_TRUE(has(mount_at(spec, "/dev/shm")->options, "size=67108864"));
  EXPECT_TRUE(spec.linux_part.devices.empty());

  fixture.config.privileged = true;
  spec = fixture.spec();
  EXPECT_TRUE(spec.linux_part.masked_paths.empty());
  EXPECT_TRUE(spec.linux_part.readonly_paths.empty());
  EXPECT_TRUE(spec.linux_part.resources.devices.front().allow);
  EXPECT_TRUE(has(mount_at(spec, "/sys")->options, "rw"));
  EXPECT_FALSE(spec.linux_part.devices.empty());
  EXPECT_EQ(spec.process.capabilities.bounding.size(), 41u);
}

TEST(Spec, MountsParentsFirstAndLetsTheUserReplaceOurs) {
  Fixture fixture;
  fixture.config.mounts = {{.source = "/a", .target = "/data/deep/er"},
                           {.source = "/b", .target = "/data", .read_only = true},
                           {.source = "/h", .target = "/etc/hosts"},
                           {.type = Mount::Type::kTmpfs, .target = "/dev/shm", .tmpfs_options = "size=1m"}};
  fixture.sources = {"/a", "/b", "/h", ""};
  const oci::RuntimeSpec spec = fixture.spec();
  EXPECT_LT(mount_at(spec, "/data"), mount_at(spec, "/data/deep/er"));
  EXPECT_TRUE(has(mount_at(spec, "/data")->options, "ro"));
  EXPECT_EQ(mount_at(spec, "/etc/hosts")->source, "/h");
  EXPECT_EQ(mount_at(spec, "/etc/resolv.conf")->source, "/c/resolv.conf");
  EXPECT_EQ(std::ranges::count(spec.mounts, "/dev/shm", &oci::Mount::destination), 1);
  EXPECT_TRUE(has(mount_at(spec, "/dev/shm")->options, "size=1m"));
}

TEST(Spec, MakesExecAsTheContainerIs) {
  Fixture fixture;
  fixture.config.env = {"A=1", "B=2"};
  fixture.config.working_dir = "/srv";
  fixture.config.cap_drop = {"ALL"};
  ExecRequest request;
  request.arguments = {"id"};
  request.env = {"B=3"};
  const oci::Process process = *make_exec_process(std::string(64, 'a'), fixture.config, request);
  EXPECT_EQ(process.cwd, "/srv");
  EXPECT_TRUE(has(process.env, "A=1"));
  EXPECT_TRUE(has(process.env, "B=3"));
  EXPECT_FALSE(has(process.env, "B=2"));
  EXPECT_TRUE(process.capabilities.bounding.empty());
}

}  // namespace
}  // namespace strata::containers
