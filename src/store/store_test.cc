#include "store/store.h"

#include <sys/wait.h>
#include <unistd.h>

#include "sys/file.h"
#include "sys/file_lock.h"
#include "sys/process.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::store {
namespace {

constexpr std::string_view kOne[] = {"CREATE TABLE thing_a(x INTEGER) STRICT; INSERT INTO thing_a VALUES (7)"};
constexpr std::string_view kTwo[] = {kOne[0], "ALTER TABLE thing_a ADD COLUMN y INTEGER NOT NULL DEFAULT 5"};
constexpr std::string_view kBroken[] = {kOne[0], "CREATE TABLE thing_b(x INTEGER) STRICT; nonsense"};
constexpr Schema kVersionOne[] = {{"thing", kOne}};
constexpr Schema kVersionTwo[] = {{"thing", kTwo}};
constexpr Schema kVersionBroken[] = {{"thing", kBroken}};

class StoreTest : public ::testing::Test {
 protected:
  sys::TempDir directory_ = std::move(*sys::TempDir::create("/tmp"));
  Paths paths_{directory_.path() + "/root", directory_.path() + "/run"};

  Result<std::unique_ptr<Store>> open(std::span<const Schema> schemas) {
    return Store::open(paths_, schemas, {.settle_in_background = false});
  }
  // Rows of thing_a in the database file alone, as if its log were lost.
  std::int64_t things_in_file() {
    const std::string copy = directory_.path() + "/copy.db";
    EXPECT_TRUE(sys::replace_file(copy, *sys::read_file(paths_.root + "/strata.db")));
    auto db = Database::open(copy, {});
    auto rows = db->query("SELECT count(*) FROM thing_a");
    return rows && *rows->step() ? rows->integer(0) : 0;
  }
  static std::int64_t number(Store& store, std::string_view sql) {
    auto rows = store.db().query(sql);
    EXPECT_TRUE(rows && *rows->step()) << sql;
    return rows ? rows->integer(0) : -1;
  }
};

TEST_F(StoreTest, ANewStoreIsMadeAndOpensAgain) {
  for (int i = 0; i < 2; ++i) {
    auto store = open(kVersionOne);
    ASSERT_TRUE(store) << store.error().message();
    EXPECT_EQ(number(**store, "SELECT count(*) FROM thing_a"), 1);
  }
  EXPECT_EQ(sys::stat_path(paths_.root)->st_mode & 07777, 0711U);
  EXPECT_EQ(sys::stat_path(paths_.root + "/strata.db")->st_mode & 07777, 0600U);
}

TEST_F(StoreTest, OpeningACurrentStoreWritesNothing) {
  {
    ASSERT_TRUE(open(kVersionOne));
  }
  auto store = open(kVersionOne);
  ASSERT_TRUE(store);
  EXPECT_EQ((*store)->db().total_changes(), 0);
}

TEST_F(StoreTest, AnOlderStoreIsUpgraded) {
  {
    ASSERT_TRUE(open(kVersionOne));
  }
  auto store = open(kVersionTwo);
  ASSERT_TRUE(store) << store.error().message();
  EXPECT_EQ(number(**store, "SELECT x + y FROM thing_a"), 12);
}

TEST_F(StoreTest, ANewerStoreIsRefusedByName) {
  {
    ASSERT_TRUE(open(kVersionTwo));
  }
  auto store = open(kVersionOne);
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().kind(), ErrorKind::kUnsupported);
  EXPECT_NE(store.error().message().find("newer strata (its thing records have version 2, this strata knows 1)"),
            std::string::npos)
      << store.error().message();
}

TEST_F(StoreTest, AFailedUpgradeChangesNothing) {
  {
    ASSERT_TRUE(open(kVersionOne));
  }
  EXPECT_FALSE(open(kVersionBroken));
  auto store = open(kVersionTwo);
  ASSERT_TRUE(store) << store.error().message();
  EXPECT_EQ(number(**store, "SELECT count(*) FROM sqlite_schema WHERE name = 'thing_b'"), 0);
}

TEST_F(StoreTest, ManyProcessesMayMakeTheSameStoreAtOnce) {
  std::vector<pid_t> children;
  for (int i = 0; i < 8; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) {
      auto store = open(kVersionTwo);
      if (!store) ::fprintf(stderr, "%s\n", store.error().message().c_str());
      ::_exit(store ? 0 : 1);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) EXPECT_EQ(sys::wait_child(pid)->code, 0);
  auto store = open(kVersionTwo);
  ASSERT_TRUE(store);
  EXPECT_EQ(number(**store, "SELECT count(*) FROM thing_a"), 1);
}

TEST_F(StoreTest, ADirectoryThatCannotBeMadeIsNamed) {
  ASSERT_TRUE(sys::replace_file(directory_.path() + "/file", ""));
  auto store = Store::open({directory_.path() + "/file/root", paths_.run_root}, kVersionOne);
  ASSERT_FALSE(store);
  EXPECT_NE(store.error().message().find(directory_.path() + "/file"), std::string::npos) << store.error().message();
}

TEST_F(StoreTest, WithoutPermissionItSaysWhatToDo) {
  if (::geteuid() != 0) GTEST_SKIP() << "drops privileges, so it needs them";
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::setresuid(65534, 65534, 65534) != 0) ::_exit(9);
    auto store = Store::open({"/root/strata-test", "/root/strata-test-run"}, kVersionOne);
    ::_exit(!store && store.error().kind() == ErrorKind::kPermissionDenied &&
                    store.error().message().find("run strata as root") != std::string::npos
                ? 0
                : 1);
  }
  EXPECT_EQ(sys::wait_child(pid)->code, 0);
}

TEST_F(StoreTest, SettlingMovesTheLogIntoTheDatabase) {
  auto store = open(kVersionOne);
  ASSERT_TRUE(store);
  EXPECT_EQ(things_in_file(), 1);  // what makes a store does not wait for a sync
  ASSERT_TRUE((*store)->db().run("INSERT INTO thing_a VALUES (8)"));
  EXPECT_EQ(things_in_file(), 1);
  ASSERT_TRUE((*store)->settle());
  EXPECT_EQ(things_in_file(), 2);
}

// The process that dies has committed: the next one finds it, though nobody closed the database.
TEST_F(StoreTest, WhatAKilledProcessCommittedIsThere) {
  {
    ASSERT_TRUE(open(kVersionOne));
  }
  const pid_t pid = ::fork();
  if (pid == 0) {
    auto store = open(kVersionOne);
    auto change = (*store)->db().begin();
    (void)(*store)->db().run("INSERT INTO thing_a VALUES (1)");
    (void)change->commit();
    auto lost = (*store)->db().begin();
    (void)(*store)->db().run("INSERT INTO thing_a VALUES (2)");
    ::kill(::getpid(), SIGKILL);
  }
  EXPECT_EQ(sys::wait_child(pid)->signal, SIGKILL);
  auto store = open(kVersionOne);
  ASSERT_TRUE(store);
  EXPECT_EQ(number(**store, "SELECT count(*) FROM thing_a"), 2);
}

// Waits on the process's own lock, not on a clock.
TEST_F(StoreTest, AStoreThatChangedIsSettledAfterItsCommandEnded) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    {
      auto store = Store::open(paths_, kVersionOne);
    }
    ::_exit(0);
  }
  EXPECT_EQ(sys::wait_child(pid)->code, 0);
  // The background process lets go of one lock only when it holds the other.
  {
    ASSERT_TRUE(sys::FileLock::acquire(paths_.root + "/settle.wait"));
  }
  {
    ASSERT_TRUE(sys::FileLock::acquire(paths_.root + "/settle.lock"));
  }
  EXPECT_EQ(things_in_file(), 1);
  EXPECT_FALSE(sys::exists(paths_.root + "/settle.error"));
}

}  // namespace
}  // namespace strata::store
