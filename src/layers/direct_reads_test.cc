#include "layers/direct_reads.h"

#include "layers/probe.h"
#include "layers/test_store.h"
#include "sys/mount.h"
#include <gtest/gtest.h>

namespace strata::layers {
namespace {

TEST(DirectReads, KernelsKnownToBeSafe) {
  for (const char* release : {"6.12.72", "6.12.73+deb13-amd64", "6.18.11", "6.18.44-fc-v657", "6.19.1", "6.20.0-rc1",
                              "7.0.0-rc1", "7.0.0-14-generic", "10.1"})
    EXPECT_TRUE(uses_direct_reads_safely(release)) << release;
  for (const char* release : {"", "6", "5.15.0-100-generic", "6.8.0-50-generic", "6.12.0-124.el10.x86_64", "6.12.71",
                              "6.13.99", "6.17.13", "6.18.10", "6.18", "6.19.0", "6.19-rc8", "nonsense"})
    EXPECT_FALSE(uses_direct_reads_safely(release)) << release;
}

TEST(DirectReads, WholeBlocksOnly) {
  const auto directory = *sys::TempDir::create(".", "strata-direct.");
  const std::string path = directory.path() + "/file";
  ASSERT_TRUE(sys::replace_file(path, std::string(1024, 'x')));
  const bool here = *has_direct_blocks(path);  // by the file system
  ASSERT_TRUE(sys::replace_file(path, std::string(1025, 'x')));
  EXPECT_FALSE(*has_direct_blocks(path));
  EXPECT_FALSE(has_direct_blocks(directory.path() + "/none"));
  // No file system of its own blocks: whatever it says, nothing breaks.
  ASSERT_TRUE(has_direct_blocks("/proc/self/status"));
  if (!here) GTEST_SKIP() << "this file system does not read blocks of 512 bytes directly";
}

// On the disk where the tests lie: /tmp may be a tmpfs.
class DirectReadsOfLayers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!test::is_root()) GTEST_SKIP() << "needs root";
    store_.emplace(Form::kIndex, *sys::own_directory());
    const auto ability = probe(store_->store());
    ASSERT_TRUE(ability) << ability.error().message();
    if (!ability->direct_reads) GTEST_SKIP() << "not on this kernel, or not on this file system";
  }
  // Keys of what is mounted, and whether it is read directly.
  std::map<std::string, bool> mounted() {
    std::map<std::string, bool> direct;
    const auto mounts = sys::mounts_in(store_->path() + "/run/mounts");
    for (const auto& [key, options] : *mounts) direct[key] = options.ends_with("directio");
    return direct;
  }
  static std::string content(std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<char>(i * 2654435761u >> 13);
    return bytes;
  }
  std::optional<test::TestStore> store_;
};

TEST_F(DirectReadsOfLayers, BufferedUntilTheStoreHasSettledAndThenDirect) {
  const auto layer =
      test::Tar().file("one", content(1)).file("some", content(70001)).file("more", content(3 << 20)).bytes();
  const auto chain = *store_->chain({layer});
  const auto before = *store_->tree(chain);
  EXPECT_EQ(mounted(), (std::map<std::string, bool>{{chain[0].hex(), false}}));
  ASSERT_TRUE(store_->store().settle());
  EXPECT_EQ(mounted(), (std::map<std::string, bool>{{chain[0].hex(), true}}));
  const auto turned = *store_->tree(chain);
  EXPECT_EQ(difference(before, turned), "");

  ASSERT_TRUE(store_->layers().unmount_unused({}));
  const auto mounted_directly = *store_->tree(chain);
  EXPECT_EQ(mounted(), (std::map<std::string, bool>{{chain[0].hex(), true}}));
  EXPECT_EQ(difference(before, mounted_directly), "");
}

TEST_F(DirectReadsOfLayers, ATarThatEndsAmidABlockIsReadThroughItsCache) {
  const auto layer = test::Tar().file("file", content(1000)).bytes() + "behind the end";
  const auto chain = *store_->chain({layer});
  ASSERT_TRUE(store_->store().settle());
  ASSERT_TRUE(store_->tree(chain));
  EXPECT_EQ(mounted(), (std::map<std::string, bool>{{chain[0].hex(), false}}));
  ASSERT_TRUE(store_->store().settle());
  EXPECT_EQ(mounted(), (std::map<std::string, bool>{{chain[0].hex(), false}}));
}

TEST_F(DirectReadsOfLayers, MergedLayersAsOne) {
  std::vector<std::string> tars;
  for (int i = 0; i < 17; ++i)
    tars.push_back(test::Tar().dir("d").file(fmt::format("d/{}", i), content(5000 + i)).bytes());
  const auto chain = *store_->chain(tars);
  const auto before = *store_->tree(chain);
  const auto at_first = mounted();
  EXPECT_FALSE(at_first.empty());
  for (const auto& [key, direct] : at_first) EXPECT_FALSE(direct) << key;
  ASSERT_TRUE(store_->store().settle());
  for (const auto& [key, direct] : mounted()) EXPECT_TRUE(direct) << key;
  ASSERT_TRUE(store_->layers().unmount_unused({}));
  const auto after = *store_->tree(chain);
  for (const auto& [key, direct] : mounted()) EXPECT_TRUE(direct) << key;
  EXPECT_EQ(difference(before, after), "");
}

TEST_F(DirectReadsOfLayers, WhatAPowerLossLeftIsReadFirst) {
  const auto chain = *store_->chain({test::Tar().file("file", content(5000)).bytes()});
  store_->reboot("another boot");
  // It is read and compared with its digest before it is mounted: then it is known to be on the disk.
  ASSERT_TRUE(store_->tree(chain));
  EXPECT_EQ(mounted(), (std::map<std::string, bool>{{chain[0].hex(), true}}));
}

}  // namespace
}  // namespace strata::layers
