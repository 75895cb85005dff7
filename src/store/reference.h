// Who needs what: a row says that `holder` ("image/<id>", "build/<key>") needs the thing (kind,
// key), e.g.
// ("layer", chain ID). A record that needs a thing of another folder adds the row in the
// transaction that makes the record and drops it with the record. Garbage collection then asks one
// question, whoever is asking:
//
//   inside the transaction that forgets the thing: is_referenced()? then it stays.
//
// Leases (lease.h) are the same for work in flight. Thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace strata::store {

inline constexpr std::string_view kLayer = "layer";  // key: a chain ID, "sha256:…"
inline constexpr std::string_view kImage = "image";  // key: an image ID; only leases hold images, from a prune

Result<> add_reference(Store& store, std::string_view kind, std::string_view key, std::string_view holder);
// All that `holder` holds.
Result<> drop_references(Store& store, std::string_view holder);
// Keys that work in flight protects.
Result<std::vector<std::string>> keys_in_leases(Store& store, std::string_view kind);
// Keys that holders whose names begin so need.
Result<std::vector<std::string>> keys_held_by(Store& store, std::string_view kind, std::string_view holder_prefix);
// By a record or by a lease.
Result<bool> is_referenced(Store& store, std::string_view kind, std::string_view key);

}  // namespace strata::store
