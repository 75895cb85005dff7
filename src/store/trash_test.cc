#include "store/trash.h"

#include <unistd.h>

#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::store {
namespace {

class TrashTest : public ::testing::Test {
 protected:
  sys::TempDir directory_ = std::move(*sys::TempDir::create("/tmp"));
  Paths paths_{directory_.path() + "/root", directory_.path() + "/run"};
  std::unique_ptr<Store> store_ = std::move(*Store::open(paths_, {}, {.settle_in_background = false}));

  std::size_t count() {
    const auto names = sys::list_directory(paths_.root + "/trash");
    return names ? names->size() : 0;
  }
};

TEST_F(TrashTest, WhatIsDiscardedIsOutOfTheWayAtOnceAndGoneAfterSettling) {
  const std::string tree = paths_.root + "/tree";
  ASSERT_TRUE(sys::make_directories(tree + "/deep/er"));
  ASSERT_TRUE(sys::replace_file(tree + "/deep/file", "x"));
  ASSERT_TRUE(sys::replace_file(paths_.root + "/file", "x"));
  EXPECT_FALSE(has_trash(paths_));
  ASSERT_TRUE(discard(*store_, tree));
  ASSERT_TRUE(discard(*store_, paths_.root + "/file"));
  EXPECT_FALSE(sys::exists(tree));
  EXPECT_FALSE(sys::exists(paths_.root + "/file"));
  EXPECT_TRUE(has_trash(paths_));
  EXPECT_EQ(count(), 2U);
  ASSERT_TRUE(store_->settle());
  EXPECT_FALSE(has_trash(paths_));
}

TEST_F(TrashTest, WhatIsNotThereIsNoError) {
  EXPECT_TRUE(discard(*store_, paths_.root + "/nothing"));
  EXPECT_EQ(count(), 0U);
}

TEST_F(TrashTest, WithoutATrashItIsDeletedAtOnce) {
  // No directory can be made where a file stands: as on a full disk.
  ASSERT_TRUE(sys::replace_file(paths_.root + "/trash", ""));
  ASSERT_TRUE(sys::make_directories(paths_.root + "/tree/deep"));
  ASSERT_TRUE(discard(*store_, paths_.root + "/tree"));
  EXPECT_FALSE(sys::exists(paths_.root + "/tree"));
}

}  // namespace
}  // namespace strata::store
