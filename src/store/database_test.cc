#include "store/database.h"

#include <thread>

#include "sys/file.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::store {
namespace {

class DatabaseTest : public ::testing::Test {
 protected:
  sys::TempDir directory_ = std::move(*sys::TempDir::create("/tmp"));
  std::string path_ = directory_.path() + "/test.db";
  Database db_ = std::move(*Database::open(path_, {.create = true}));

  void SetUp() override { ASSERT_TRUE(db_.run_script("CREATE TABLE t(k TEXT PRIMARY KEY, v ANY) STRICT")); }
  std::int64_t count() {
    auto rows = db_.query("SELECT count(*) FROM t");
    EXPECT_TRUE(rows && *rows->step());
    return rows->integer(0);
  }
};

TEST_F(DatabaseTest, BindsAndReadsEveryType) {
  const std::string text("with\0zero", 9);
  const std::vector<std::byte> blob{std::byte{0}, std::byte{255}};
  ASSERT_TRUE(db_.run("INSERT INTO t VALUES (?, ?)", "integer", -5));
  ASSERT_TRUE(db_.run("INSERT INTO t VALUES (?, ?)", "text", std::string_view(text)));
  ASSERT_TRUE(db_.run("INSERT INTO t VALUES (?, ?)", "blob", std::span<const std::byte>(blob)));
  ASSERT_TRUE(db_.run("INSERT INTO t VALUES (?, ?)", "null", std::optional<std::string>()));
  ASSERT_TRUE(db_.run("INSERT INTO t VALUES (?, ?)", "empty", std::string_view()));
  const auto value = [&](std::string_view key) {
    auto rows = db_.query("SELECT v FROM t WHERE k = ?", key);
    EXPECT_TRUE(rows && *rows->step());
    return std::move(*rows);
  };
  EXPECT_EQ(value("integer").integer(0), -5);
  EXPECT_EQ(value("text").text(0), text);
  EXPECT_EQ(value("blob").blob(0), blob);
  EXPECT_TRUE(value("null").is_null(0));
  EXPECT_FALSE(value("empty").is_null(0));
}

TEST_F(DatabaseTest, ATransactionThatIsNotCommittedLeavesNothing) {
  {
    auto change = db_.begin();
    ASSERT_TRUE(change);
    ASSERT_TRUE(db_.run("INSERT INTO t VALUES ('a', 1)"));
  }
  EXPECT_EQ(count(), 0);
}

TEST_F(DatabaseTest, AnInnerTransactionRollsBackAlone) {
  auto outer = db_.begin();
  ASSERT_TRUE(outer);
  ASSERT_TRUE(db_.run("INSERT INTO t VALUES ('outer', 1)"));
  {
    auto inner = db_.begin();
    ASSERT_TRUE(inner);
    ASSERT_TRUE(db_.run("INSERT INTO t VALUES ('inner', 1)"));
  }
  {
    auto inner = db_.begin();
    ASSERT_TRUE(inner);
    ASSERT_TRUE(db_.run("INSERT INTO t VALUES ('kept', 1)"));
    ASSERT_TRUE(inner->commit());
  }
  ASSERT_TRUE(outer->commit());
  EXPECT_EQ(count(), 2);
}

TEST_F(DatabaseTest, AConstraintIsAConflict) {
  ASSERT_TRUE(db_.run("INSERT INTO t VALUES ('a', 1)"));
  const auto again = db_.run("INSERT INTO t VALUES ('a', 2)");
  ASSERT_FALSE(again);
  EXPECT_EQ(again.error().kind(), ErrorKind::kConflict);
}

TEST_F(DatabaseTest, ANestedUseOfOneStatementIsTwoStatements) {
  for (const char* key : {"a", "b"}) ASSERT_TRUE(db_.run("INSERT INTO t VALUES (?, 1)", key));
  int pairs = 0;
  auto outer = db_.query("SELECT k FROM t");
  while (*outer->step()) {
    auto inner = db_.query("SELECT k FROM t");
    while (*inner->step()) ++pairs;
  }
  EXPECT_EQ(pairs, 4);
}

TEST_F(DatabaseTest, ThreadsTakeTurns) {
  std::vector<std::jthread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        auto change = db_.begin();
        ASSERT_TRUE(change);
        ASSERT_TRUE(db_.run("INSERT INTO t VALUES (?, ?)", fmt::format("{}-{}", t, i), i));
        ASSERT_TRUE(change->commit());
      }
    });
  threads.clear();
  EXPECT_EQ(count(), 200);
}

TEST_F(DatabaseTest, ABusyDatabaseIsATimeoutThatSaysSo) {
  auto held = db_.begin();
  auto other = Database::open(path_, {.busy_timeout_milliseconds = 1});
  ASSERT_TRUE(other);
  const auto refused = other->begin();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind(), ErrorKind::kTimeout);
  EXPECT_NE(refused.error().message().find("another process"), std::string::npos);
}

TEST(DatabaseOpen, AFileThatIsNoDatabaseIsCorrupt) {
  auto directory = sys::TempDir::create("/tmp");
  const std::string path = directory->path() + "/x.db";
  ASSERT_TRUE(sys::replace_file(path, std::string(4096, 'x')));
  auto db = Database::open(path, {});
  if (db) {
    const auto read = db->query("SELECT * FROM sqlite_schema");
    ASSERT_FALSE(read);
    EXPECT_EQ(read.error().kind(), ErrorKind::kCorrupt);
  } else {
    EXPECT_EQ(db.error().kind(), ErrorKind::kCorrupt);
  }
}

}  // namespace
}  // namespace strata::store
