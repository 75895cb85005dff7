// What the database knows of layers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "oci/digest.h"
#include "store/store.h"

namespace strata::layers::records {

struct Tar {
  oci::Digest diff_id;
  std::uint64_t size = 0;
  std::string implied;  // worker_protocol.h's list of implied parents
};
struct Index {
  std::string key;
  oci::Digest diff_id;
  std::string digest;  // hex, of the file
  std::uint64_t size = 0;
  int writer = 0;
};
struct Layer {
  oci::Digest chain_id, diff_id;
  std::optional<oci::Digest> parent;
  std::string tree_key;
  std::string attributes;  // worker_protocol.h's attributes of implied parents; "" for the defaults
};

const store::Schema& schema();

Result<std::optional<Layer>> find_layer(store::Database& db, const oci::Digest& chain_id);
Result<std::optional<Tar>> find_tar(store::Database& db, const oci::Digest& diff_id);
Result<std::optional<Index>> find_index(store::Database& db, const std::string& key);
// Bytes that the directory form takes; nullopt when there is none.
Result<std::optional<std::uint64_t>> find_directory(store::Database& db, const std::string& key);
Result<std::vector<Layer>> all_layers(store::Database& db);
// "<diff>.tar", "<key>.erofs", "<key>.dir": every file name that a record owns.
Result<std::vector<std::string>> owned_files(store::Database& db);

// Inserted or replaced.
Result<> put(store::Database& db, const Layer& layer);
Result<> put(store::Database& db, const Tar& tar);
Result<> put(store::Database& db, const Index& index);
Result<> put_directory(store::Database& db, const std::string& key, const oci::Digest& diff_id, std::uint64_t bytes);

Result<bool> is_parent(store::Database& db, const oci::Digest& chain_id);
Result<> erase_layer(store::Database& db, const oci::Digest& chain_id);
// Indexes, directories and tars that no layer needs.
Result<> erase_unused(store::Database& db);

}  // namespace strata::layers::records
