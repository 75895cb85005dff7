#include "containers/records.h"

#include <array>
#include <atomic>
#include <memory>
#include <thread>

#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::containers {
namespace {

class ContainerRecords : public testing::Test {
 protected:
  static std::unique_ptr<store::Store> open(const sys::TempDir& dir) {
    static const std::array<store::Schema, 1> schemas = {Records::schema()};
    return *store::Store::open({dir.path() + "/root", dir.path() + "/run"}, schemas, {.settle_in_background = false});
  }
  static Container container(char digit, const std::string& name) {
    Container out;
    out.id = std::string(64, digit);
    out.name = name;
    out.image_id = oci::Digest::of("image");
    out.image_name = "image";
    out.created = now();
    return out;
  }
  sys::TempDir dir_ = *sys::TempDir::create("/tmp");
  std::unique_ptr<store::Store> store_ = open(dir_);
  Records records_{store_->db()};
};

TEST_F(ContainerRecords, AreFoundByIdNameAndPrefix) {
  ASSERT_TRUE(records_.insert(container('a', "web"), Phase::kIdle));
  ASSERT_TRUE(records_.insert(container('b', "aaaa"), Phase::kIdle));  // a name that is a prefix of an id
  EXPECT_EQ(records_.find("web")->container.id, std::string(64, 'a'));
  EXPECT_EQ(records_.find("/web")->container.id, std::string(64, 'a'));
  EXPECT_EQ(records_.find(std::string(64, 'b'))->container.name, "aaaa");
  EXPECT_EQ(records_.find("aaa")->container.name, "web");
  EXPECT_EQ(records_.find("aaaa")->container.id, std::string(64, 'b'));
  for (const char* missing : {"", "/", "c", "we", "webb", "%", "aaag"})
    EXPECT_EQ(records_.find(missing).error().kind(), ErrorKind::kNotFound) << missing;
  Container similar = container('a', "other");
  similar.id.back() = 'c';
  ASSERT_TRUE(records_.insert(similar, Phase::kIdle));
  EXPECT_EQ(records_.find("aaa").error().message(), "Multiple IDs found with provided prefix: aaa");
}

TEST_F(ContainerRecords, KeepNamesUnique) {
  ASSERT_TRUE(records_.insert(container('a', "web"), Phase::kIdle));
  const Result<> second = records_.insert(container('b', "web"), Phase::kIdle);
  EXPECT_EQ(second.error().kind(), ErrorKind::kConflict);
  EXPECT_EQ(second.error().message(),
            "Conflict. The container name \"/web\" is already in use by container \"" + std::string(64, 'a') +
                "\". You have to remove (or rename) that container to be able to reuse that name.");
  ASSERT_TRUE(records_.erase(std::string(64, 'a')));
  EXPECT_TRUE(records_.insert(container('b', "web"), Phase::kIdle));
}

TEST_F(ContainerRecords, LetOneOfManyHaveTheName) {
  std::atomic<int> winners = 0, losers = 0;
  {
    std::vector<std::jthread> threads;
    for (const char digit : {'a', 'b', 'c', 'd'})
      threads.emplace_back([&, digit] {
        std::unique_ptr<store::Store> own = open(dir_);
        const Result<> done = Records(own->db()).insert(container(digit, "web"), Phase::kCreating);
        if (done)
          ++winners;
        else if (done.error().kind() == ErrorKind::kConflict)
          ++losers;
      });
  }
  EXPECT_EQ(winners, 1);
  EXPECT_EQ(losers, 3);
}

TEST_F(ContainerRecords, RememberALife) {
  const std::string id(64, 'a');
  ASSERT_TRUE(records_.insert(container('a', "web"), Phase::kCreating));
  EXPECT_EQ(*records_.unsettled(), std::vector{id});
  const Timestamp started = now();
  ASSERT_TRUE(records_.record_started(id, "boot", {5, 6}, {7, 8}, started));
  Row row = **records_.get(id);
  EXPECT_EQ(row.phase, Phase::kActive);
  EXPECT_EQ(row.init.pid, 5);
  EXPECT_EQ(row.monitor.start_time, 8u);
  EXPECT_EQ(row.started, started);
  EXPECT_FALSE(row.finished);
  ASSERT_TRUE(records_.record_exit(id, Phase::kIdle, ExitRecord{3, true, "", started}));
  row = **records_.get(id);
  EXPECT_EQ(row.exit_code, 3);
  EXPECT_TRUE(row.oom_killed);
  EXPECT_EQ(row.init.pid, 0);
  EXPECT_TRUE(records_.unsettled()->empty());
}

}  // namespace
}  // namespace strata::containers
