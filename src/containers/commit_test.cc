#include "containers/commit.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>

#include "containers/containers.h"
#include "containers/freeze.h"
#include "containers/test_store.h"
#include "layers/layers.h"
#include "sys/file.h"
#include "sys/forked_child.h"
#include <gtest/gtest.h>

namespace strata::containers {
namespace {

using Strings = std::vector<std::string>;

class Commit : public testing::Test {
 protected:
  void SetUp() override {
    if (const std::string reason = TestStore::reason_to_skip(); !reason.empty()) GTEST_SKIP() << reason;
    store_ = std::make_unique<TestStore>();
  }
  // What the image's tree has at a path.
  Strings paths_of(const images::Image& image) {
    Strings paths;
    layers::MergedTree tree = store_->parts().layers.tree(image.chain_ids).value();
    EXPECT_TRUE(tree.walk([&](const layers::TreeEntry& entry) -> Result<> {
      paths.emplace_back(entry.path);
      return {};
    }));
    return paths;
  }
  static bool has(const Strings& paths, const std::string& path) {
    return std::ranges::find(paths, path) != paths.end();
  }
  void finish(const Container& container) {
    EXPECT_TRUE(store_->containers().wait(container));
    EXPECT_TRUE(store_->containers().teardown(container.id));
  }
  std::unique_ptr<TestStore> store_;
};

TEST_F(Commit, TheConfigIsTheContainers) {
  Config config;
  config.env = {"A=b"};
  config.labels = {{"l", "1"}};
  config.working_dir = "/tmp";
  const Container container = store_->run({"sh", "-c", "echo x > /new; rm -r /etc/notrunnable"}, config);
  finish(container);
  CommitOptions options{
      .author = "me", .comment = "why", .pause = true, .tag = *oci::Reference::parse("made:1"), .change = {}};
  options.change = [](oci::ImageConfig& image) -> Result<> {
    image.config.user = "nobody";
    return {};
  };
  const auto image = store_->containers().commit(container, options);
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_EQ(image->config.author, "me");
  EXPECT_EQ(image->config.config.user, "nobody");
  EXPECT_EQ(image->config.config.labels.at("l"), "1");
  EXPECT_EQ(image->config.config.working_dir, "/tmp");
  EXPECT_TRUE(has(image->config.config.env, "A=b"));
  EXPECT_EQ(image->config.diff_ids.size(), store_->image().config.diff_ids.size() + 1);
  const oci::History& line = image->config.history.back();
  EXPECT_EQ(line.created_by, "sh -c echo x > /new; rm -r /etc/notrunnable");
  EXPECT_EQ(line.comment, "why");
  EXPECT_EQ(line.author, "me");
  EXPECT_FALSE(line.empty_layer);
  EXPECT_EQ(store_->parts().images.find("made:1")->id, image->id);
  const Strings paths = paths_of(*image);
  EXPECT_TRUE(has(paths, "new"));
  EXPECT_FALSE(has(paths, "etc/notrunnable"));
  EXPECT_FALSE(has(paths, "proc"));
}

TEST_F(Commit, NothingChangedIsNoLayer) {
  const Container container = store_->run({"true"});
  finish(container);
  const auto image = store_->containers().commit(container, {});
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_EQ(image->config.diff_ids, store_->image().config.diff_ids);
  EXPECT_TRUE(image->config.history.back().empty_layer);
}

TEST_F(Commit, OneThatNeverRan) {
  const auto container =
      store_->containers().create({.name = "", .image_name = "x", .config = {.cmd = {"true"}}}, store_->image());
  ASSERT_TRUE(container) << container.error().message();
  const auto image = store_->containers().commit(*container, {});
  ASSERT_TRUE(image) << image.error().message();
  EXPECT_EQ(image->config.diff_ids, store_->image().config.diff_ids);
}

TEST_F(Commit, VolumesStayOut) {
  Config config;
  Mount volume;
  volume.type = Mount::Type::kVolume;
  volume.target = "/data";
  config.mounts.push_back(volume);
  const Container container = store_->run({"sh", "-c", "echo x > /data/inside; echo y > /outside"}, config);
  finish(container);
  const auto image = store_->containers().commit(container, {});
  ASSERT_TRUE(image) << image.error().message();
  const Strings paths = paths_of(*image);
  EXPECT_TRUE(has(paths, "outside"));
  EXPECT_FALSE(has(paths, "data/inside"));
  EXPECT_TRUE(image->config.config.volumes.contains("/data"));
}

TEST_F(Commit, ARunningContainerGoesOn) {
  for (const bool pause : {true, false}) {
    const Container container =
        store_->run({"sh", "-c", "echo x > /ready; while [ ! -e /go ]; do sleep 0.01; done; exit 7"});
    const std::string upper = store_->containers().paths(container.id).upper;
    while (!sys::exists(upper + "/ready")) ::usleep(1000);
    const auto image =
        store_->containers().commit(container, {.author = "", .comment = "", .pause = pause, .tag = {}, .change = {}});
    ASSERT_TRUE(image) << image.error().message();
    EXPECT_TRUE(has(paths_of(*image), "ready"));
    EXPECT_TRUE(store_->containers().state(container)->running());
    EXPECT_FALSE(sys::Cgroup::open(Containers::cgroup_path(container.id))->frozen());
    ASSERT_TRUE(store_->containers().kill(container, "KILL"));
    finish(container);
  }
}

TEST_F(Commit, WhoIsKilledLeavesNothingFrozen) {
  const Container container = store_->run({"sleep", "1000"});
  const std::string path = Containers::cgroup_path(container.id);
  auto child = sys::fork_child({}, [&] {
    const auto frozen = Freeze::begin(path);
    if (!frozen) return 1;
    ::raise(SIGKILL);
    return 0;
  });
  ASSERT_TRUE(child);
  const auto ended = child->wait();
  if (ended->code == 1) GTEST_SKIP() << "no freezer here";
  EXPECT_EQ(ended->signal, SIGKILL);
  const auto cgroup = sys::Cgroup::open(path);
  while (cgroup->frozen()) ::usleep(1000);
  ASSERT_TRUE(store_->containers().kill(container, "KILL"));
  finish(container);
}

}  // namespace
}  // namespace strata::containers
