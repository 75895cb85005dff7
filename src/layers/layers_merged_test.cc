// Chains of many layers, in both forms. TestStore::tree() compares what is mounted, groups merged, with a walk through
// the layers one by one.
#include <algorithm>

#include "layers/layers_check.h"
#include "layers/test_store.h"

namespace strata::layers::test {
namespace {

class MergedLayers : public ::testing::TestWithParam<Form> {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "mounting needs root";
    store_.emplace(GetParam());
    ASSERT_EQ(*store_->layers().form(), GetParam()) << "this kernel cannot mount the index";
  }
  std::string directory() { return store_->store().paths().root + "/layers"; }
  // Names of trees made of several layers.
  std::vector<std::string> merged_files() {
    std::vector<std::string> names = *sys::list_directory(directory());
    std::erase_if(names, [](const std::string& name) { return name.find('-') == std::string::npos; });
    std::ranges::sort(names);
    return names;
  }
  std::optional<TestStore> store_;
};
INSTANTIATE_TEST_SUITE_P(Both, MergedLayers, ::testing::Values(Form::kIndex, Form::kDirectory),
                         [](const auto& made) { return made.param == Form::kIndex ? "Index" : "Directory"; });

// Layer `i` of a chain in which layers do all that layers do to each other.
std::string layer(int i) {
  Tar tar;
  tar.file("same", std::to_string(i))
      .file(fmt::format("d{}/f{}", i % 7, i), std::string(static_cast<std::size_t>(i % 5) * 300, 'x'));
  if (i % 3 == 0) tar.whiteout(fmt::format("d{}/.wh.f{}", (i - 20) % 7, i - 20));
  if (i % 10 == 4) tar.whiteout(fmt::format(".wh.d{}", i % 7)).dir(fmt::format("d{}", i % 7), 0711);
  if (i % 11 == 5) tar.dir("o").whiteout("o/.wh..wh..opq").file(fmt::format("o/{}", i));
  if (i % 17 == 1) tar.symlink(fmt::format("s{}", i % 2), "same").link(fmt::format("h{}", i), "same");
  if (i % 17 == 9) tar.dir(fmt::format("s{}", i % 2)).file(fmt::format("s{}/in", i % 2));
  if (i % 19 == 0)
    tar.add({.path = "sparse", .mode = 0600, .size = 1 << 16, .sparse = true, .segments = {{512, 512}, {40'960, 512}}},
            std::string(1024, 's'));
  return tar.bytes();
}

std::vector<std::string> layers_up_to(int count) {
  std::vector<std::string> tars;
  for (int i = 20; i < 20 + count; ++i) tars.push_back(layer(i));
  return tars;
}

TEST_P(MergedLayers, AnyNumberGivesTheSameTree) {
  const auto tars = layers_up_to(40);
  auto chain = *store_->chain(tars);
  // The same tars again and again, each time on other layers.
  while (chain.size() < 600) {
    const auto layer =
        store_->layers().reuse(store_->lease(), oci::Digest::of(tars[chain.size() % tars.size()]), chain.back());
    ASSERT_TRUE(layer) << layer.error().message();
    chain.push_back(layer->chain_id);
  }
  for (const std::size_t count : {15, 16, 17, 256, 257, 500, 600}) {
    SCOPED_TRACE(count);
    const auto tree = store_->tree({chain.begin(), chain.begin() + static_cast<std::ptrdiff_t>(count)});
    ASSERT_TRUE(tree) << tree.error().message();
    EXPECT_TRUE(tree->contains("same"));
  }
}

// With every directory's attributes as they are made for want of others, so that the trees are the same too.
TEST_P(MergedLayers, TheSameLayerSeveralTimesInAnImage) {
  const std::string empty = Tar().bytes();
  const std::string again = Tar().file("d/a", "again").file("x", "again").whiteout(".wh.y").bytes();
  const auto tree =
      store_->tree_of({Tar().file("d/b", "b").file("y", "y").bytes(), empty, again, empty,
                       Tar().file("x", "other").file("y", "other").whiteout("d/.wh.a").bytes(), empty, again, again});
  ASSERT_TRUE(tree) << tree.error().message();
  EXPECT_TRUE(tree->contains("d/a") && tree->contains("d/b") && tree->contains("x"));
  EXPECT_FALSE(tree->contains("y"));
  EXPECT_TRUE(tree->at("x").content.starts_with("5 ")) << tree->at("x").content;
}

TEST_P(MergedLayers, OneMoreLayerOnTop) {
  auto chain = *store_->chain(layers_up_to(40));
  ASSERT_TRUE(store_->layers().merge(chain));
  const std::vector<std::string> before = merged_files();
  EXPECT_EQ(before.size(), 2u);
  const auto top = store_->layers().commit(
      store_->lease(), *store_->unpack(Tar().file("new").whiteout(".wh.same").bytes()), chain.back());
  ASSERT_TRUE(top) << top.error().message();
  chain.push_back(top->chain_id);
  const auto tree = store_->tree(chain);
  ASSERT_TRUE(tree) << tree.error().message();
  EXPECT_TRUE(tree->contains("new"));
  EXPECT_FALSE(tree->contains("same"));
  EXPECT_EQ(merged_files(), before);
}

TEST_P(MergedLayers, UppersLieOnGroups) {
  const auto chain = *store_->chain(layers_up_to(33));
  const UpperDir upper{store_->path() + "/upper", store_->path() + "/work"};
  ASSERT_TRUE(sys::make_directories(upper.upper) && sys::make_directories(upper.work));
  const auto root = store_->layers().mount_rootfs(chain, &upper);
  ASSERT_TRUE(root) << root.error().message();
  const auto file = sys::open_at(root->get(), "same", O_WRONLY | O_APPEND);
  ASSERT_TRUE(file) << file.error().message();
  ASSERT_TRUE(sys::write_all(file->get(), std::string_view("more")));
  EXPECT_EQ(*sys::read_file(upper.upper + "/same"), "52more");
}

TEST_P(MergedLayers, WhatIsLostOrDamagedIsMadeAgain) {
  const auto chain = *store_->chain(layers_up_to(16));
  const Tree expected = *store_->tree(chain);
  ASSERT_TRUE(store_->layers().unmount_unused({}));
  const auto files = merged_files();
  ASSERT_EQ(files.size(), 1u);
  ASSERT_TRUE(sys::remove_tree(directory() + "/" + files[0]));
  const auto again = store_->tree(chain);
  ASSERT_TRUE(again) << again.error().message();
  EXPECT_EQ(difference(*again, expected), "");
  EXPECT_EQ(merged_files(), files);
}

TEST_P(MergedLayers, TheyCountAndGoWithTheirLayers) {
  const auto chain = *store_->chain(layers_up_to(20));
  ASSERT_TRUE(store_->layers().merge(chain));
  const auto bytes = [&] {
    std::uint64_t sum = 0;
    const std::vector<Usage> all = *store_->layers().usage();
    for (const Usage& usage : all)
      for (const auto& [name, size] : usage.merged) sum += size;
    return sum;
  };
  EXPECT_GT(bytes(), 0u);
  store_->drop_lease();
  ASSERT_TRUE(store_->layers().remove(std::span(chain).subspan(15)));
  EXPECT_EQ(merged_files(), std::vector<std::string>{});
  EXPECT_EQ(bytes(), 0u);
}

TEST_P(MergedLayers, FsckForgetsWhatIsDamaged) {
  if (GetParam() == Form::kDirectory) GTEST_SKIP() << "directories have no digest";
  const auto chain = *store_->chain(layers_up_to(16));
  const Tree expected = *store_->tree(chain);
  const std::string path = directory() + "/" + merged_files().at(0);
  {
    const auto file = sys::open_file(path, O_RDWR);
    const auto size = static_cast<std::uint64_t>(sys::stat_fd(file->get())->st_size);
    ASSERT_TRUE(sys::pwrite_all(file->get(), std::as_bytes(std::span(std::string_view("!"))), size - 700));
  }
  std::vector<Defect> defects;
  ASSERT_TRUE(store_->layers().check({}, [&](Defect defect) { defects.push_back(std::move(defect)); }));
  ASSERT_EQ(defects.size(), 1u);
  EXPECT_EQ(defects[0].kind, Defect::Kind::kMerged);
  EXPECT_EQ(defects[0].chain_ids, std::vector<oci::Digest>{chain.back()});
  ASSERT_TRUE(store_->layers().mend(defects[0]));
  EXPECT_FALSE(sys::exists(path));
  EXPECT_EQ(difference(*store_->tree(chain), expected), "");
}

}  // namespace
}  // namespace strata::layers::test
