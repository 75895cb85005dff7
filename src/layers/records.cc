#include "layers/records.h"

#include "base/clock.h"
#include "layers/direct_reads.h"

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
)sql",
                                          R"sql(
  -- Files of which it is not known that the disk has them all. boot: in which they were written, or 'damaged'.
  CREATE TABLE layers_unsettled(
    file TEXT PRIMARY KEY, boot TEXT NOT NULL, written INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  INSERT OR IGNORE INTO layers_unsettled
    SELECT diff_id || '.tar', '', created FROM layers_layer WHERE durable = 0
    UNION SELECT tree_key || '.erofs', '', created FROM layers_layer WHERE durable = 0
    UNION SELECT tree_key || '.dir', '', created FROM layers_layer WHERE durable = 0;
  ALTER TABLE layers_layer DROP COLUMN durable;
)sql",
                                          R"sql(
  CREATE TABLE layers_merged(
    key TEXT NOT NULL, top TEXT NOT NULL, directory INTEGER NOT NULL, digest TEXT NOT NULL, size INTEGER NOT NULL,
    writer INTEGER NOT NULL, indexes TEXT NOT NULL, PRIMARY KEY(key, directory)) STRICT, WITHOUT ROWID;
  CREATE INDEX layers_merged_by_top ON layers_merged(top);
)sql"};

constexpr std::string_view kDamaged = "damaged";

constexpr store::Schema kSchema = {.owner = "layers",
                                   .versions = kVersions,
                                   .mark_durable = "DELETE FROM layers_unsettled WHERE written < ?1 AND boot = ?2",
                                   .settled = read_settled_directly};

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

constexpr std::string_view kSelectLayers = "SELECT chain_id, diff_id, parent, tree_key, attributes FROM layers_layer";

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

Result<std::optional<Tar>> tar_of_layer(store::Database& db, const oci::Digest& chain_id) {
  store::Statement row = TRY(db.query(
      "SELECT t.diff_id, t.size, t.implied FROM layers_layer AS l JOIN layers_tar AS t ON t.diff_id = l.diff_id"
      " WHERE l.chain_id = ?",
      std::string_view(chain_id.hex())));
  if (!TRY(row.step())) return std::nullopt;
  return Tar{TRY(digest_in(row, 0)), static_cast<std::uint64_t>(row.integer(1)), row.text(2)};
}

Result<std::optional<Index>> find_index(store::Database& db, const std::string& key) {
  store::Statement row =
      TRY(db.query("SELECT diff_id, digest, size, writer FROM layers_index WHERE key = ?", std::string_view(key)));
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

Result<std::vector<Tar>> all_tars(store::Database& db) {
  std::vector<Tar> tars;
  store::Statement row = TRY(db.query("SELECT diff_id, size, implied FROM layers_tar ORDER BY diff_id"));
  while (TRY(row.step()))
    tars.push_back({TRY(digest_in(row, 0)), static_cast<std::uint64_t>(row.integer(1)), row.text(2)});
  return tars;
}

Result<std::vector<Index>> all_indexes(store::Database& db) {
  std::vector<Index> indexes;
  store::Statement row = TRY(db.query("SELECT key, diff_id, digest, size, writer FROM layers_index ORDER BY key"));
  while (TRY(row.step()))
    indexes.push_back({row.text(0), TRY(digest_in(row, 1)), row.text(2), static_cast<std::uint64_t>(row.integer(3)),
                       static_cast<int>(row.integer(4))});
  return indexes;
}

Result<std::vector<std::string>> all_directories(store::Database& db) {
  std::vector<std::string> keys;
  store::Statement row = TRY(db.query("SELECT key FROM layers_directory ORDER BY key"));
  while (TRY(row.step())) keys.push_back(row.text(0));
  return keys;
}

Result<std::vector<std::string>> owned_files(store::Database& db) {
  std::vector<std::string> names;
  store::Statement row =
      TRY(db.query("SELECT diff_id || '.tar' FROM layers_tar UNION ALL SELECT key || '.erofs' FROM layers_index"
                   " UNION ALL SELECT key || '.dir' FROM layers_directory"
                   " UNION ALL SELECT key || iif(directory, '.dir', '.erofs') FROM layers_merged"));
  while (TRY(row.step())) names.push_back(row.text(0));
  return names;
}

Result<std::vector<std::string>> unused_files(store::Database& db) {
  std::vector<std::string> names;
  store::Statement row =
      TRY(db.query("SELECT diff_id || '.tar' FROM layers_tar WHERE NOT EXISTS"
                   " (SELECT 1 FROM layers_layer WHERE layers_layer.diff_id = layers_tar.diff_id)"
                   " UNION ALL SELECT key || '.erofs' FROM layers_index WHERE NOT EXISTS (SELECT 1 FROM layers_layer "
                   "WHERE tree_key = key)"
                   " UNION ALL SELECT key || '.dir' FROM layers_directory WHERE NOT EXISTS"
                   " (SELECT 1 FROM layers_layer WHERE tree_key = key)"));
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
                std::string_view(index.key), std::string_view(index.diff_id.hex()), std::string_view(index.digest),
                index.size, index.writer);
}

Result<> put_directory(store::Database& db, const std::string& key, const oci::Digest& diff_id, std::uint64_t bytes) {
  return db.run("INSERT OR REPLACE INTO layers_directory(key, diff_id, bytes) VALUES (?, ?, ?)", std::string_view(key),
                std::string_view(diff_id.hex()), bytes);
}

Result<> put_unsettled(store::Database& db, const std::string& file, std::string_view boot) {
  return db.run("INSERT OR REPLACE INTO layers_unsettled(file, boot, written) VALUES (?, ?, ?)", std::string_view(file),
                boot, now().time_since_epoch().count());
}

Result<> put_damaged(store::Database& db, const std::string& file) { return put_unsettled(db, file, kDamaged); }

Result<> put_settled(store::Database& db, const std::string& file) {
  return db.run("DELETE FROM layers_unsettled WHERE file = ?", std::string_view(file));
}

Result<bool> is_settled(store::Database& db, const std::string& file) {
  store::Statement row = TRY(db.query("SELECT 1 FROM layers_unsettled WHERE file = ?", std::string_view(file)));
  return !TRY(row.step());
}

Result<std::map<std::string, Doubt>> doubtful(store::Database& db, std::string_view boot) {
  std::map<std::string, Doubt> files;
  store::Statement row = TRY(db.query("SELECT file, boot FROM layers_unsettled WHERE boot <> ?", boot));
  while (TRY(row.step()))
    files.emplace(row.text(0), row.text_view(1) == kDamaged ? Doubt::kDamaged : Doubt::kUnverified);
  return files;
}

Result<std::optional<Doubt>> doubt_about(store::Database& db, const std::string& file, std::string_view boot) {
  store::Statement row =
      TRY(db.query("SELECT boot FROM layers_unsettled WHERE file = ? AND boot <> ?", std::string_view(file), boot));
  if (!TRY(row.step())) return std::nullopt;
  return row.text_view(0) == kDamaged ? Doubt::kDamaged : Doubt::kUnverified;
}

Result<std::set<std::string>> tree_keys_of(store::Database& db, const oci::Digest& diff_id) {
  std::set<std::string> keys;
  store::Statement row =
      TRY(db.query("SELECT tree_key FROM layers_layer WHERE diff_id = ?", std::string_view(diff_id.hex())));
  while (TRY(row.step())) keys.insert(row.text(0));
  return keys;
}

Result<bool> is_parent(store::Database& db, const oci::Digest& chain_id) {
  store::Statement row =
      TRY(db.query("SELECT 1 FROM layers_layer WHERE parent = ? LIMIT 1", std::string_view(chain_id.hex())));
  return row.step();
}

Result<> erase_layer(store::Database& db, const oci::Digest& chain_id) {
  return db.run("DELETE FROM layers_layer WHERE chain_id = ?", std::string_view(chain_id.hex()));
}

Result<> erase_directory(store::Database& db, const std::string& key) {
  return db.run("DELETE FROM layers_directory WHERE key = ?", std::string_view(key));
}

Result<> erase_unused(store::Database& db) {
  TRY(db.run("DELETE FROM layers_index WHERE NOT EXISTS (SELECT 1 FROM layers_layer WHERE tree_key = key)"));
  TRY(db.run("DELETE FROM layers_directory WHERE NOT EXISTS (SELECT 1 FROM layers_layer WHERE tree_key = key)"));
  TRY(
      db.run("DELETE FROM layers_tar WHERE NOT EXISTS"
             " (SELECT 1 FROM layers_layer WHERE layers_layer.diff_id = layers_tar.diff_id)"));
  TRY(db.run("DELETE FROM layers_merged WHERE NOT EXISTS (SELECT 1 FROM layers_layer WHERE chain_id = top)"));
  return db.run(
      "DELETE FROM layers_unsettled WHERE NOT EXISTS (SELECT 1 FROM layers_layer"
      " WHERE diff_id = substr(file, 1, 64) OR tree_key = substr(file, 1, 64)"
      " OR chain_id = substr(file, 1, 64))");
}

}  // namespace strata::layers::records
