#include "store/lease.h"

#include <signal.h>
#include <unistd.h>

#include "store/reference.h"
#include "sys/file.h"
#include "sys/process.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::store {
namespace {

class LeaseTest : public ::testing::Test {
 protected:
  sys::TempDir directory_ = std::move(*sys::TempDir::create("/tmp"));
  Paths paths_{directory_.path() + "/root", directory_.path() + "/run"};
  std::string leases_ = paths_.root + "/leases";

  std::unique_ptr<Store> open() { return std::move(*Store::open(paths_, {}, {.settle_in_background = false})); }
  static std::int64_t rows(Store& store, const std::string& table) {
    auto counted = store.db().query("SELECT count(*) FROM " + table);
    EXPECT_TRUE(counted && *counted->step());
    return counted->integer(0);
  }
};

TEST_F(LeaseTest, GivesEverythingBack) {
  auto store = open();
  {
    auto lease = Lease::create(*store);
    ASSERT_TRUE(lease) << lease.error().message();
    ASSERT_TRUE(sys::replace_file(lease->directory() + "/work", "x"));
    ASSERT_TRUE(lease->hold("layer", "a"));
    ASSERT_TRUE(lease->hold("layer", "a"));
    EXPECT_TRUE(*is_referenced(*store, "layer", "a"));
    EXPECT_FALSE(*is_referenced(*store, "image", "a"));
  }
  EXPECT_TRUE(sys::list_directory(leases_)->empty());
  EXPECT_EQ(rows(*store, "store_lease"), 0);
  EXPECT_EQ(rows(*store, "store_lease_ref"), 0);
}

TEST_F(LeaseTest, ASweepLeavesLivingLeasesAlone) {
  auto store = open();
  auto lease = Lease::create(*store);
  ASSERT_TRUE(lease->hold("layer", "a"));
  EXPECT_FALSE(sweep_dead_leases(*store).value());
  EXPECT_TRUE(sys::exists(lease->directory()));
  EXPECT_TRUE(*is_referenced(*store, "layer", "a"));
}

TEST_F(LeaseTest, WhatAKilledHolderLeftIsSwept) {
  {
    open();
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    auto store = open();
    auto lease = Lease::create(*store);
    (void)lease->hold("layer", "a");
    (void)sys::make_directories(lease->directory() + "/deep/er");
    (void)sys::replace_file(lease->directory() + "/deep/er/file", "x");
    ::kill(::getpid(), SIGKILL);
  }
  ASSERT_EQ(sys::wait_child(pid)->signal, SIGKILL);
  auto store = open();
  EXPECT_EQ(sys::list_directory(leases_)->size(), 1U);
  EXPECT_TRUE(*is_referenced(*store, "layer", "a"));
  EXPECT_TRUE(sweep_dead_leases(*store).value());
  EXPECT_TRUE(sys::list_directory(leases_)->empty());
  EXPECT_FALSE(*is_referenced(*store, "layer", "a"));
}

TEST_F(LeaseTest, ALeaseDyingBetweenItsStepsIsSwept) {
  auto store = open();
  ASSERT_TRUE(sys::make_directories(leases_ + "/0001"));                          // killed before it had a lock
  ASSERT_TRUE(sys::make_directories(leases_ + "/dead-0002"));                     // a sweep that was killed
  ASSERT_TRUE(store->db().run("INSERT INTO store_lease VALUES ('0003', 1, 1)"));  // directory gone, row left
  ASSERT_TRUE(sweep_dead_leases(*store));
  EXPECT_TRUE(sys::list_directory(leases_)->empty());
  EXPECT_EQ(rows(*store, "store_lease"), 0);
  ASSERT_TRUE(store->db().run("INSERT INTO store_lease VALUES ('0004', 1, 1)"));
  ASSERT_TRUE(sweep_dead_leases(*store));
  EXPECT_EQ(rows(*store, "store_lease"), 0);
}

TEST_F(LeaseTest, ARecordsReferencesLastUntilTheyAreDropped) {
  auto store = open();
  ASSERT_TRUE(add_reference(*store, kLayer, "a", "image/1"));
  ASSERT_TRUE(add_reference(*store, kLayer, "a", "image/1"));
  ASSERT_TRUE(add_reference(*store, kLayer, "a", "image/2"));
  ASSERT_TRUE(sweep_dead_leases(*store));
  ASSERT_TRUE(drop_references(*store, "image/1"));
  EXPECT_TRUE(*is_referenced(*store, kLayer, "a"));
  ASSERT_TRUE(drop_references(*store, "image/2"));
  EXPECT_FALSE(*is_referenced(*store, kLayer, "a"));
}

TEST_F(LeaseTest, MovesWithItsOwner) {
  auto store = open();
  auto first = std::move(*Lease::create(*store));
  auto second = std::move(*Lease::create(*store));
  const std::string gone = first.directory();
  const std::string kept = second.directory();
  first = std::move(second);
  EXPECT_FALSE(sys::exists(gone));
  EXPECT_TRUE(sys::exists(kept));
}

}  // namespace
}  // namespace strata::store
