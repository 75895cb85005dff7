// The walk without a mount. That it says what a mount shows is checked wherever TestStore::tree() is called.
#include "layers/merged_tree.h"

#include "codec/erofs_head.h"
#include "layers/test_store.h"

namespace strata::layers::test {
namespace {

class MergedTreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!is_root()) GTEST_SKIP() << "mounting needs root";
    store_.emplace(Form::kIndex);
  }
  Result<Tree> own(const oci::Digest& chain) {
    MergedTree tree = TRY(store_->layers().own_tree(chain));
    return look_at(tree);
  }
  std::optional<TestStore> store_;
};

TEST_F(MergedTreeTest, ALayersOwnTreeHasWhatItHides) {
  const std::string base = Tar().dir("tmp", 01777).file("a").file("d/x").dir("o").bytes();
  const std::string top = Tar()
                              .whiteout(".wh.a")
                              .file("tmp/new", "1")
                              .whiteout("o/.wh..wh..opq")
                              .whiteout("o/.wh.b")
                              .file("o/c")
                              .whiteout(".wh.d")
                              .dir("d")
                              .file("d/y")
                              .bytes();
  const auto chain = store_->chain({base, top});
  ASSERT_TRUE(chain) << chain.error().message();
  const auto tree = own(chain->back());
  ASSERT_TRUE(tree) << tree.error().message();
  std::map<std::string, std::string> kinds;
  for (const auto& [path, seen] : *tree) kinds[path] = seen.kind;
  EXPECT_EQ(kinds, (std::map<std::string, std::string>{{"", "dir implied"},
                                                       {"a", "whiteout"},
                                                       {"d", "opaque"},
                                                       {"d/y", "file"},
                                                       {"o", "opaque implied"},
                                                       {"o/c", "file"},
                                                       {"tmp", "dir implied"},
                                                       {"tmp/new", "file"}}));
  EXPECT_EQ(tree->at("tmp").mode, "1777");
}

TEST_F(MergedTreeTest, SaysFromWhichLayerAndWhereTheBytesLie) {
  const std::string content(3000, 'x');
  const std::string base = Tar().file("a", "old").file("b", content).dir("d").bytes();
  const std::string top = Tar().file("a", "new").dir("d", 0700).link("e", "a").bytes();
  const auto chain = store_->chain({base, top});
  ASSERT_TRUE(chain);
  MergedTree tree = store_->layers().tree(*chain).value();
  std::vector<std::string> seen;
  const auto walked = tree.walk([&](const TreeEntry& entry) -> Result<> {
    seen.push_back(
        fmt::format("{}@{}{}", entry.path, entry.layer, entry.link_of.empty() ? "" : "=" + std::string(entry.link_of)));
    if (entry.path == "b") {
      EXPECT_EQ(entry.extents.size(), 1u);
      EXPECT_FALSE(entry.extents[0].in_index);
      EXPECT_EQ(base.substr(entry.extents[0].stored_offset, entry.extents[0].length), content);
      std::vector<std::byte> middle(100);
      EXPECT_EQ(TRY(tree.read(entry, 2950, middle)), 50u);
      EXPECT_EQ(TRY(tree.read(entry, 3000, middle)), 0u);
    }
    return {};
  });
  ASSERT_TRUE(walked) << walked.error().message();
  EXPECT_EQ(seen, (std::vector<std::string>{"@1", "a@1", "b@0", "d@1", "e@1=a"}));
}

TEST_F(MergedTreeTest, EndsWithTheVisitorsError) {
  const auto chain = store_->chain({Tar().file("a").file("b").bytes()});
  ASSERT_TRUE(chain);
  MergedTree tree = store_->layers().tree(*chain).value();
  int visits = 0;
  const auto walked = tree.walk([&](const TreeEntry& entry) -> Result<> {
    ++visits;
    if (entry.path == "a") return error(ErrorKind::kConflict, "enough");
    return {};
  });
  ASSERT_FALSE(walked);
  EXPECT_EQ(walked.error().message(), "enough");
  EXPECT_EQ(visits, 2);
}

TEST_F(MergedTreeTest, FilesAreOpenedAFewAtATime) {
  std::vector<std::string> tars;
  for (int i = 0; i < 100; ++i) tars.push_back(Tar().file(fmt::format("d/{}", i), std::to_string(i)).bytes());
  const auto chain = store_->chain(tars);
  ASSERT_TRUE(chain);
  MergedTree tree = store_->layers().tree(*chain).value();
  const std::size_t before = sys::list_directory("/proc/self/fd")->size();
  std::size_t most = 0;
  EXPECT_TRUE(tree.walk([&](const TreeEntry& entry) -> Result<> {
    std::vector<std::byte> buffer(10);
    if (entry.type == codec::FileType::kFile) (void)TRY(tree.read(entry, 0, buffer));
    most = std::max(most, sys::list_directory("/proc/self/fd")->size());
    return {};
  }));
  EXPECT_LE(most, before + MergedTree::kMaxOpenFiles);
}

// Whatever an index holds: an error or another tree, and an end.
TEST_F(MergedTreeTest, DamagedIndexes) {
  Tar tar;
  for (int i = 0; i < 60; ++i) tar.file(fmt::format("d/e{}/file-{}", i % 7, i), std::string(700, 'x'));
  tar.symlink("l", std::string(600, 't')).link("h", "d/e1/file-1").add({.path = "x", .xattrs = {{"user.a", "b"}}});
  tar.add({.path = "s", .mode = 0644, .size = 1 << 20, .sparse = true, .segments = {{0, 512}, {1 << 19, 512}}},
          std::string(1024, 's'));
  const auto unpacked = store_->unpack(tar.bytes());
  ASSERT_TRUE(unpacked) << unpacked.error().message();
  const std::string index = *sys::read_file(unpacked->index_path);
  const std::string damaged = store_->path() + "/damaged";
  std::size_t refused = 0;
  unsigned random = 1;
  const auto next = [&] { return random = random * 1103515245 + 12345; };
  for (int round = 0; round < 3000; ++round) {
    std::string bytes = index;
    for (int flips = 1 + next() % 8; flips > 0; --flips)
      bytes[(next() >> 8) % bytes.size()] = static_cast<char>(next() >> 16);
    auto head = std::as_writable_bytes(std::span(bytes)).first<codec::kErofsHead>();
    codec::put<std::uint32_t>(head.data() + codec::kErofsSuperOffset + 4, codec::erofs_head_checksum(head));
    if (round % 10 == 0) bytes.resize(next() % bytes.size());
    ASSERT_TRUE(sys::replace_file(damaged, bytes));
    MergedTree tree({{"damaged", unpacked->tar_path, damaged, unpacked->tar_size, {}}}, round % 2 == 0);
    std::vector<std::byte> buffer(512);
    std::size_t entries = 0;
    const auto walked = tree.walk([&](const TreeEntry& entry) -> Result<> {
      EXPECT_LT(++entries, 1000u);
      if (entry.type == codec::FileType::kFile) (void)tree.read(entry, 0, buffer);
      return {};
    });
    if (!walked) ++refused;
  }
  EXPECT_GT(refused, 500u);
}

}  // namespace
}  // namespace strata::layers::test
