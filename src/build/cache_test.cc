#include "build/cache.h"

#include "store/database.h"
#include "store/reference.h"
#include "sys/temp_dir.h"
#include <gtest/gtest.h>

namespace strata::build {
namespace {

CacheKey run_key() {
  CacheKey key;
  key.parts = {{"platform", "linux/amd64"}, {"kind", "run"}, {"user", ""}, {"command", "make"}, {"parent", "sha256:1"}};
  key.env = {"PATH=/bin", "VERSION=1.2"};
  key.source = "RUN make";
  return key;
}

CacheKey copy_key() {
  CacheKey key = run_key();
  key.parts[1].second = "copy";
  key.source = "COPY src /app";
  key.files = {{"/src/a.c", "m1/c1"}, {"/src/b.c", "m2/c2"}};
  key.files_digest = "sha256:f";
  return key;
}

TEST(CacheKey, EveryPartOfTheTreeCountsButTheSource) {
  const auto base = run_key().digest();
  EXPECT_EQ(run_key().digest(), base);
  auto key = run_key();
  key.source = "run make";
  EXPECT_EQ(key.digest(), base);
  key.env.push_back("X=1");
  EXPECT_NE(key.digest(), base);
  key = run_key();
  key.parts.back().second = "sha256:2";
  EXPECT_NE(key.digest(), base);
  key = run_key();
  key.files_digest = "sha256:f";
  EXPECT_NE(key.digest(), base);
}

TEST(CacheKey, IsReadAsItWasWritten) {
  const auto key = copy_key();
  const auto again = CacheKey::parse(key.to_json()).value();
  EXPECT_EQ(again.digest(), key.digest());
  EXPECT_EQ(again.files, key.files);
  EXPECT_EQ(again.source, key.source);
  EXPECT_FALSE(CacheKey::parse("{"));
}

TEST(CacheKey, TheFirstDifferenceIsNamed) {
  const auto before = copy_key();
  const auto difference = [&](auto change) {
    auto now = copy_key();
    change(now);
    return first_difference(before, now);
  };
  EXPECT_EQ(difference([](auto&) {}), "");
  EXPECT_EQ(difference([](auto& k) { k.parts[2].second = "web"; }), "user: (nothing) → web");
  EXPECT_EQ(difference([](auto& k) { k.env[1] = "VERSION=1.3"; }), "VERSION: 1.2 → 1.3");
  EXPECT_EQ(difference([](auto& k) { k.env.push_back("NEW=1"); }), "NEW is new");
  EXPECT_EQ(difference([](auto& k) { k.env.pop_back(); }), "VERSION is gone");
  EXPECT_EQ(difference([](auto& k) { k.parts[3].second = "make all"; }), "was: make");
  EXPECT_EQ(difference([](auto& k) { k.files_digest = "g", k.files["/src/a.c"] = "m1/c9"; }),
            "changed: /src/a.c (content)");
  EXPECT_EQ(difference([](auto& k) { k.files_digest = "g", k.files["/src/a.c"] = "m9/c1"; }),
            "changed: /src/a.c (metadata)");
  EXPECT_EQ(difference([](auto& k) { k.files_digest = "g", k.files.erase("/src/b.c"), k.files["/src/c.c"] = "m/c"; }),
            "changed: /src/c.c (new), /src/b.c (gone)");
  EXPECT_EQ(difference([](auto& k) {
              k.files_digest = "g";
              for (int i = 0; i < 5; ++i) k.files["/n" + std::to_string(i)] = "m/c";
            }),
            "changed: /n0 (new), /n1 (new), /n2 (new) and 2 more");
  EXPECT_EQ(difference([](auto& k) { k.parts[4].second = "sha256:2"; }), "what it starts from changed");
}

class CacheTest : public testing::Test {
 protected:
  void SetUp() override {
    static const store::Schema schemas[] = {layers::schema(), schema()};
    store = store::Store::open({dir.path() + "/root", dir.path() + "/run"}, schemas, {.settle_in_background = false})
                .value();
    layers = std::make_unique<layers::Layers>(*store, layers::Options{});
  }
  sys::TempDir dir = sys::TempDir::create("/tmp", "build-cache.").value();
  std::unique_ptr<store::Store> store;
  std::unique_ptr<layers::Layers> layers;
};

TEST_F(CacheTest, AnOutcomeWithoutALayerIsFoundAgain) {
  Cache cache(*store, *layers);
  auto lease = store::Lease::create(*store).value();
  const auto key = run_key();
  EXPECT_FALSE(cache.find(key.digest(), lease).value());
  ASSERT_TRUE(cache.record(key, {"s", 0}, {.layer = std::nullopt, .created = "2026-01-01T00:00:00Z"}));
  const auto found = cache.find(key.digest(), lease).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->created, "2026-01-01T00:00:00Z");
  EXPECT_FALSE(found->layer);
  EXPECT_TRUE(cache.touch({key.digest()}));
}

TEST_F(CacheTest, AnEntryWhoseLayerIsGoneCountsForNothing) {
  Cache cache(*store, *layers);
  auto lease = store::Lease::create(*store).value();
  const auto key = run_key();
  const layers::Layer layer{.diff_id = oci::Digest::of("d"), .chain_id = oci::Digest::of("c"), .tar_size = 1};
  ASSERT_TRUE(cache.record(key, {"s", 0}, {.layer = layer, .created = ""}));
  EXPECT_FALSE(cache.find(key.digest(), lease).value());
  EXPECT_EQ(cache.explain_miss(key, {"s", 0}).value(), "its layer is gone");
}

TEST_F(CacheTest, EntriesReferenceTheirLayersUntilTheCacheIsForgotten) {
  Cache cache(*store, *layers);
  const layers::Layer layer{.diff_id = oci::Digest::of("d"), .chain_id = oci::Digest::of("c"), .tar_size = 1};
  ASSERT_TRUE(cache.record(run_key(), {"s", 0}, {.layer = layer, .created = ""}));
  ASSERT_TRUE(cache.record(run_key(), {"s", 0}, {.layer = layer, .created = ""}));
  EXPECT_TRUE(store::is_referenced(*store, store::kLayer, layer.chain_id.to_string()).value());
  EXPECT_EQ(forget_cache(*store).value(), 1u);
  EXPECT_FALSE(store::is_referenced(*store, store::kLayer, layer.chain_id.to_string()).value());
}

TEST_F(CacheTest, AMissIsExplainedByTheNearestEarlierRun) {
  Cache cache(*store, *layers);
  auto other = run_key();
  other.source = "RUN other";
  other.parts[3].second = "other";
  ASSERT_TRUE(cache.record(other, {"s", 1}, {}));
  ASSERT_TRUE(cache.record(run_key(), {"s", 2}, {}));
  auto now = run_key();
  now.env[1] = "VERSION=2";
  EXPECT_EQ(cache.explain_miss(now, {"s", 1}).value(), "VERSION: 1.2 → 2");
  now.source = "RUN new";
  now.parts[3].second = "new";
  now.env = run_key().env;
  EXPECT_EQ(cache.explain_miss(now, {"s", 1}).value(), "was: other");
  EXPECT_EQ(cache.explain_miss(now, {"s", 9}).value(), "");
  EXPECT_EQ(cache.explain_miss(now, {"elsewhere", 1}).value(), "");
}

}  // namespace
}  // namespace strata::build
