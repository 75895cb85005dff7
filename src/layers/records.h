// What the database knows of layers.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
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
Result<std::optional<Tar>> tar_of_layer(store::Database& db, const oci::Digest& chain_id);
Result<std::optional<Index>> find_index(store::Database& db, const std::string& key);
// Bytes that the directory form takes; nullopt when there is none.
Result<std::optional<std::uint64_t>> find_directory(store::Database& db, const std::string& key);
Result<std::vector<Layer>> all_layers(store::Database& db);
Result<std::vector<Tar>> all_tars(store::Database& db);
Result<std::vector<Index>> all_indexes(store::Database& db);
Result<std::vector<std::string>> all_directories(store::Database& db);  // keys
// "<diff>.tar", "<key>.erofs", "<key>.dir": every file name that a record owns.
Result<std::vector<std::string>> owned_files(store::Database& db);
// Of these, what no layer needs: erase_unused() is called wherever such a thing may come to be.
Result<std::vector<std::string>> unused_files(store::Database& db);

// Inserted or replaced.
Result<> put(store::Database& db, const Layer& layer);
Result<> put(store::Database& db, const Tar& tar);
Result<> put(store::Database& db, const Index& index);
Result<> put_directory(store::Database& db, const std::string& key, const oci::Digest& diff_id, std::uint64_t bytes);

// ---- what may be torn after a power loss
//
// A file written in this boot is as the kernel has it. One that a sync has not confirmed before the machine went
// down is unverified: whoever needs it first compares it with its digest, and calls it settled or damaged.

enum class Doubt { kUnverified, kDamaged };
Result<> put_unsettled(store::Database& db, const std::string& file, std::string_view boot);
Result<> put_damaged(store::Database& db, const std::string& file);
// Confirmed by a sync, or read and found whole.
Result<bool> is_settled(store::Database& db, const std::string& file);
Result<> put_settled(store::Database& db, const std::string& file);
// By file name; nearly always empty.
Result<std::map<std::string, Doubt>> doubtful(store::Database& db, std::string_view boot);
Result<std::optional<Doubt>> doubt_about(store::Database& db, const std::string& file, std::string_view boot);

// Of all chains with this tar.
Result<std::set<std::string>> tree_keys_of(store::Database& db, const oci::Digest& diff_id);
Result<bool> is_parent(store::Database& db, const oci::Digest& chain_id);
Result<> erase_layer(store::Database& db, const oci::Digest& chain_id);
Result<> erase_directory(store::Database& db, const std::string& key);
// Indexes, directories and tars that no layer needs.
Result<> erase_unused(store::Database& db);

}  // namespace strata::layers::records
