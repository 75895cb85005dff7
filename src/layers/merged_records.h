// What the database knows of trees made of several layers (merged_index.h). They are derived and may go at any time;
// they do with the layer that is on top of them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "oci/digest.h"
#include "store/store.h"

namespace strata::layers::records {

struct Merged {
  std::string key;  // names <key>.erofs or <key>.dir: merged_key()
  oci::Digest top;  // chain ID of the uppermost layer
  bool directory = false;
  std::string digest;      // of an index, hex; "" of a directory
  std::uint64_t size = 0;  // of the index; what a directory takes on disk besides the files that it links to
  int writer = 0;
  std::vector<std::uint32_t> indexes;  // see MergedIndexInfo
};

// `layers` of them, the uppermost being `top`.
std::string merged_key(const oci::Digest& top, std::size_t layers);

Result<std::optional<Merged>> find_merged(store::Database& db, const std::string& key, bool directory);
Result<std::vector<Merged>> merged_of(store::Database& db, const oci::Digest& top);
Result<std::vector<Merged>> all_merged(store::Database& db);
Result<> put(store::Database& db, const Merged& merged);
Result<> erase_merged(store::Database& db, const std::string& key, bool directory);

}  // namespace strata::layers::records
