#include "layers/records.h"

#include "base/clock.h"

namespace strata::layers::records {
namespace {

constexpr std::string_view kVersions[] = {R"sql(
  CREATE TABLE layers_tar(
    diff_id TEXT PRIMARY KEY, size INTEGER NOT NULL, implied TEXT NOT NULL) WITHOUT ROWID;
  CREATE TABLE layers_index(
    key TEXT PRIMARY KEY, diff_id TEXT NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
    writer INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE layers_directory(
    key TEXT PRIMARY KEY, diff_id TEXT NOT NULL, bytes INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE layers_layer(
    chain_id TEXT PRIMARY KEY, diff_id TEXT NOT NULL, parent TEXT, tree_key TEXT NOT NULL,
    attributes TEXT NOT NULL, created INTEGER NOT NULL, durable INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
  CREATE INDEX layers_layer_by_parent ON layers_layer(parent);
  CREATE INDEX layers_layer_by_diff_id ON layers_layer(diff_id);
  CREATE INDEX layers_layer_by_tree_key ON layers_layer(tree_key);
)sql"};

constexpr store::Schema kSchema = {
    .owner = "layers",
    .versions = kVersions,
    .mark_durable = "UPDATE layers_layer SET durable = 1 WHERE durable = 0 AND created < ?1"};

// Digests are kept as hex: they are file names too.
Result<oci::Digest> digest_in(const store::Statement& row, int column) {
  return TRY(oci::Digest::from_hex(row.text_view(column)), "the database's layers");
}

Result<Layer> layer_in(const store::Statement& row) {
  Layer layer;
  layer.chain_id = TRY(digest_in(row, 0));
  layer.diff_id = TRY(digest_in(row, 1));
  if (!row.is_null(2)) layer.parent = TRY(digest_in(row, 2));
  layer.tree_key = row.text(3);
  layer.attributes = row.text(4);
  return layer;
}

constexpr std::string_view kSelectLayers =
    "SELECT chain_id, diff_id, parent, tree_key, attributes FROM layers_layer";

}  // namespace

const store::Schema& schema() { return kSchema; }

Result<std::optional<Layer>> find_layer(store::Database& db, const oci::Digest& chain_id) {
  static const std::string sql = std::string(kSelectLayers) + " WHERE chain_id = ?";
  store::Statement row = TRY(db.query(sql, std::string_view(chain_id.hex())));
  if (!TRY(row.step())) return std::nullopt;
  return TRY(layer_in(row));
}

Result<std::optional<Tar>> find_tar(store::Database& db, const oci::Digest& diff_id) {
  store::Statement row =
      TRY(db.query("SELECT size, implied FROM layers_tar WHERE diff_id = ?", std::string_view(diff_id.hex())));
  if (!TRY(row.step())) return std::nullopt;
  return Tar{diff_id, static_cast<std::uint64_t>(row.integer(0)), row.text(1)};
}

Result<std::optional<Index>> find_index(store::Database& db, const std::string& key) {
  store::Statement row = TRY(
      db.query("SELECT diff_id, digest, size, writer FROM layers_index WHERE key = ?", std::string_view(key)));
  if (!TRY(row.step())) return std::nullopt;
  return Index{key, TRY(digest_in(row, 0)), row.text(1), static_cast<std::uint64_t>(row.integer(2)),
               static_cast<int>(row.integer(3))};
}

Result<std::optional<std::uint64_t>> find_directory(store::Database& db, const std::string& key) {
  store::Statement row = TRY(db.query("SELECT bytes FROM layers_directory WHERE key = ?", std::string_view(key)));
  if (!TRY(row.step())) return std::nullopt;
  return static_cast<std::uint64_t>(row.integer(0));
}

Result<std::vector<Layer>> all_layers(store::Database& db) {
  std::vector<Layer> layers;
  store::Statement row = TRY(db.query(kSelectLayers));
  while (TRY(row.step())) layers.push_back(TRY(layer_in(row)));
  return layers;
}

Result<std::vector<std::string>> owned_files(store::Database& db) {
  std::vector<std::string> names;
  store::Statement row = TRY(
      db.query("SELECT diff_id || '.tar' FROM layers_tar UNION ALL SELECT key || '.erofs' FROM layers_index"
               " UNION ALL SELECT key || '.dir' FROM layers_directory"));
  while (TRY(row.step())) names.push_back(row.text(0));
  return names;
}

Result<> put(store::Database& db, const Layer& layer) {
  std::optional<std::string_view> parent;
  if (layer.parent) parent = layer.parent->hex();
  return db.run(
      "INSERT OR REPLACE INTO layers_layer(chain_id, diff_id, parent, tree_key, attributes, created)"
      " VALUES (?, ?, ?, ?, ?, ?)",
      std::string_view(layer.chain_id.hex()), std::string_view(layer.diff_id.hex()), parent,
      std::string_view(layer.tree_key), std::string_view(layer.attributes), now().time_since_epoch().count());
}

Result<> put(store::Database& db, const Tar& tar) {
  return db.run("INSERT OR REPLACE INTO layers_tar(diff_id, size, implied) VALUES (?, ?, ?)",
                std::string_view(tar.diff_id.hex()), tar.size, std::string_view(tar.implied));
}

Result<> put(store::Database& db, const Index& index) {
  return db.run("INSERT OR REPLACE INTO layers_index(key, diff_id, digest, size, writer) VALUES (?, ?, ?, ?, ?)",
                std::string_view(index.key), std::string_view(index.diff_id.hex()),
                std::string_view(index.digest), index.size, index.writer);
}

Result<> put_directory(store::Database& db, const std::string& key, const oci::Digest& diff_id, std::uint64_t bytes) {
  return db.run("INSERT OR REPLACE INTO layers_directory(key, diff_id, bytes) VALUES (?, ?, ?)",
                std::string_view(key), std::string_view(diff_id.hex()), bytes);
}

Result<bool> is_parent(store::Database& db, const oci::Digest& chain_id) {
  store::Statement row =
      TRY(db.query("SELECT 1 FROM layers_layer WHERE parent = ? LIMIT 1", std::string_view(chain_id.hex())));
  return row.step();
}

Result<> erase_layer(store::Database& db, const oci::Digest& chain_id) {
  return db.run("DELETE FROM layers_layer WHERE chain_id = ?", std::string_view(chain_id.hex()));
}

Result<> erase_unused(store::Database& db) {
  TRY(db.run("DELETE FROM layers_index WHERE NOT EXISTS (SELECT 1 FROM layers_layer WHERE tree_key = key)"));
  TRY(db.run("DELETE FROM layers_directory WHERE NOT EXISTS (SELECT 1 FROM layers_layer WHERE tree_key = key)"));
  return db.run(
      "DELETE FROM layers_tar WHERE NOT EXISTS"
      " (SELECT 1 FROM layers_layer WHERE layers_layer.diff_id = layers_tar.diff_id)");
}

}  // namespace strata::layers::records
