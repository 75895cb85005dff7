#include "build/cache.h"

#include <algorithm>

#include "base/clock.h"
#include "store/database.h"
#include "store/reference.h"

namespace strata::build {
namespace {

constexpr int kCandidates = 20;  // earlier runs that a miss is compared with

constexpr std::string_view kVersions[] = {
    R"sql(
      CREATE TABLE build_cache(
        key TEXT PRIMARY KEY,      -- digest of the tree
        stage TEXT NOT NULL,       -- where the step stood
        position INTEGER NOT NULL,
        tree TEXT NOT NULL,        -- JSON of CacheKey
        chain_id TEXT,             -- of the outcome; NULL: nothing changed
        created TEXT NOT NULL,     -- RFC 3339, for the history
        used_ns INTEGER NOT NULL   -- since 1970
      ) WITHOUT ROWID;
      CREATE INDEX build_cache_by_place ON build_cache(stage, position, used_ns);
    )sql",
};

std::string holder_of(std::string_view key) { return "build/" + std::string(key); }

std::int64_t now_ns() { return now().time_since_epoch().count(); }

}  // namespace

const store::Schema& schema() {
  static constexpr store::Schema kSchema{.owner = "build", .versions = kVersions};
  return kSchema;
}

Result<std::optional<CacheEntry>> Cache::find(const oci::Digest& key, store::Lease& lease) {
  std::optional<std::string> chain;
  CacheEntry entry;
  {
    auto rows = TRY(store_.db().query("SELECT chain_id, created FROM build_cache WHERE key = ?", key.to_string()));
    if (!TRY(rows.step())) return std::nullopt;
    if (!rows.is_null(0)) chain = rows.text(0);
    entry.created = rows.text(1);
  }
  if (!chain) return entry;
  TRY(lease.hold(store::kLayer, *chain));  // first hold, then look
  const oci::Digest chain_id = TRY(oci::Digest::parse(*chain));
  entry.layer = TRY(layers_.find(chain_id));
  if (!entry.layer) return std::nullopt;
  return entry;
}

Result<> Cache::record(const CacheKey& key, const StepPlace& place, const CacheEntry& entry) {
  const std::string id = key.digest().to_string();
  const std::string tree = key.to_json();
  std::optional<std::string> chain;
  if (entry.layer) chain = entry.layer->chain_id.to_string();
  store::Transaction change = TRY(store_.db().begin());
  TRY(store::drop_references(store_, holder_of(id)));
  TRY(
      store_.db().run("INSERT OR REPLACE INTO build_cache(key, stage, position, tree, chain_id, created, used_ns)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?)",
                      id, place.stage, place.index, tree, chain, entry.created, now_ns()));
  if (chain) TRY(store::add_reference(store_, store::kLayer, *chain, holder_of(id)));
  return change.commit();
}

Result<std::string> Cache::explain_miss(const CacheKey& key, const StepPlace& place) {
  // The same command anywhere in the stage is nearest, then the step at the same position.
  std::optional<CacheKey> same_position;
  auto rows =
      TRY(store_.db().query("SELECT tree, position FROM build_cache WHERE stage = ? ORDER BY used_ns DESC LIMIT ?",
                            place.stage, kCandidates));
  while (TRY(rows.step())) {
    auto tree = CacheKey::parse(rows.text_view(0));
    if (!tree) continue;
    if (tree->part("kind") != key.part("kind")) continue;
    if (tree->source == key.source) {
      std::string reason = first_difference(*tree, key);
      return reason.empty() ? "its layer is gone" : reason;
    }
    if (!same_position && rows.integer(1) == place.index) same_position = *std::move(tree);
  }
  if (same_position) return first_difference(*same_position, key);
  return std::string();
}

Result<> Cache::touch(const std::vector<oci::Digest>& keys) {
  if (keys.empty()) return {};
  store::Transaction change = TRY(store_.db().begin());
  const std::int64_t time = now_ns();
  for (const oci::Digest& key : keys)
    TRY(store_.db().run("UPDATE build_cache SET used_ns = ? WHERE key = ?", time, key.to_string()));
  return change.commit();
}

Result<std::vector<CachedStep>> list_cache(store::Store& store) {
  std::vector<CachedStep> steps;
  auto rows =
      TRY(store.db().query("SELECT key, chain_id, tree, created, used_ns FROM build_cache ORDER BY used_ns DESC"));
  while (TRY(rows.step())) {
    CachedStep& step = steps.emplace_back();
    step.key = TRY(oci::Digest::parse(rows.text_view(0)));
    if (!rows.is_null(1)) step.chain_id = TRY(oci::Digest::parse(rows.text_view(1)));
    if (const auto key = CacheKey::parse(rows.text_view(2))) step.instruction = key->source;
    step.created = rows.text(3);
    step.used = Timestamp(std::chrono::nanoseconds(rows.integer(4)));
  }
  return steps;
}

Result<std::uint64_t> forget_cache(store::Store& store) {
  store::Transaction change = TRY(store.db().begin());
  std::vector<std::string> keys;
  {
    auto rows = TRY(store.db().query("SELECT key FROM build_cache"));
    while (TRY(rows.step())) keys.push_back(rows.text(0));
  }
  for (const std::string& key : keys) TRY(store::drop_references(store, holder_of(key)));
  TRY(store.db().run("DELETE FROM build_cache"));
  TRY(change.commit());
  return keys.size();
}

Result<> forget_layers(store::Store& store, const std::vector<oci::Digest>& chains) {
  store::Transaction change = TRY(store.db().begin());
  for (const oci::Digest& chain : chains) {
    std::vector<std::string> keys;
    {
      auto rows = TRY(store.db().query("SELECT key FROM build_cache WHERE chain_id = ?", chain.to_string()));
      while (TRY(rows.step())) keys.push_back(rows.text(0));
    }
    for (const std::string& key : keys) {
      TRY(store::drop_references(store, holder_of(key)));
      TRY(store.db().run("DELETE FROM build_cache WHERE key = ?", std::string_view(key)));
    }
  }
  return change.commit();
}

Result<std::vector<std::string>> orphan_holders(store::Store& store) {
  std::vector<std::string> holders;
  auto rows =
      TRY(store.db().query("SELECT DISTINCT holder FROM store_reference WHERE holder LIKE 'build/%'"
                           " AND substr(holder, 7) NOT IN (SELECT key FROM build_cache)"));
  while (TRY(rows.step())) holders.push_back(rows.text(0));
  return holders;
}

Result<> drop_orphan(store::Store& store, const std::string& holder) {
  store::Transaction change = TRY(store.db().begin());
  const auto orphans = TRY(orphan_holders(store));
  if (std::ranges::find(orphans, holder) != orphans.end()) TRY(store::drop_references(store, holder));
  return change.commit();
}

}  // namespace strata::build
