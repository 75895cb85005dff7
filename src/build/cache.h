// The build cache: which key (cache_key.h) gave which layer.
//
// An entry references its layer in the store ("build/<key>"), so that rmi leaves it alone; an entry whose
// layer is gone all the same counts for nothing. All builds of a store share the cache. Thread-safe as the
// store is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "build/cache_key.h"
#include "layers/layers.h"
#include "store/lease.h"
#include "store/store.h"

namespace strata::build {

struct CacheEntry {
  std::optional<layers::Layer> layer;  // nullopt: the step changes nothing
  std::string created;                 // RFC 3339
};

// Where a step stands, for finding its earlier runs: any text that stays the same between builds.
struct StepPlace {
  std::string stage;
  int index = 0;
};

class Cache {
 public:
  Cache(store::Store& store, layers::Layers& layers) : store_(store), layers_(layers) {}

  // The layer is held by the lease from then on.
  Result<std::optional<CacheEntry>> find(const oci::Digest& key, store::Lease& lease);
  // The layer must be committed, and held by the caller's lease.
  Result<> record(const CacheKey& key, const StepPlace& place, const CacheEntry& entry);
  // Why find() found nothing: the difference from the nearest earlier run, "" for a step never seen.
  Result<std::string> explain_miss(const CacheKey& key, const StepPlace& place);
  // Notes that these keys were used now.
  Result<> touch(const std::vector<oci::Digest>& keys);

 private:
  store::Store& store_;
  layers::Layers& layers_;
};

// The tables of this folder, for Store::open().
const store::Schema& schema();

struct CachedStep {
  oci::Digest key;
  std::optional<oci::Digest> chain_id;  // nullopt: the step changes nothing
  std::string instruction;              // as written
  std::string created;                  // RFC 3339
  Timestamp used;
};
// Newest use first.
Result<std::vector<CachedStep>> list_cache(store::Store& store);

// Drops every entry of the cache; what nobody needs then, images::Images::collect_garbage() deletes.
// Returns how many there were. Builds that run keep what they hold.
Result<std::uint64_t> forget_cache(store::Store& store);
// Drops the entries whose outcome is one of these layers (chain IDs): they are lost.
Result<> forget_layers(store::Store& store, const std::vector<oci::Digest>& chains);

// For fsck: who holds a layer as an entry of the cache that is not there.
Result<std::vector<std::string>> orphan_holders(store::Store& store);
Result<> drop_orphan(store::Store& store, const std::string& holder);

}  // namespace strata::build
