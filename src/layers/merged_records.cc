#include "layers/merged_records.h"

#include "base/strings.h"

namespace strata::layers::records {
namespace {

constexpr std::string_view kSelect = "SELECT key, top, directory, digest, size, writer, indexes FROM layers_merged";

Result<Merged> merged_in(const store::Statement& row) {
  Merged merged;
  merged.key = row.text(0);
  merged.top = TRY(oci::Digest::from_hex(row.text_view(1)), "the database's merged layers");
  merged.directory = row.integer(2) != 0;
  merged.digest = row.text(3);
  merged.size = static_cast<std::uint64_t>(row.integer(4));
  merged.writer = static_cast<int>(row.integer(5));
  for (const std::string_view number : split(row.text_view(6), ' '))
    if (const auto layer = parse_unsigned(number)) merged.indexes.push_back(static_cast<std::uint32_t>(*layer));
  return merged;
}

Result<std::vector<Merged>> list(store::Statement row) {
  std::vector<Merged> all;
  while (TRY(row.step())) all.push_back(TRY(merged_in(row)));
  return all;
}

}  // namespace

std::string merged_key(const oci::Digest& top, std::size_t layers) { return fmt::format("{}-{}", top.hex(), layers); }

Result<std::optional<Merged>> find_merged(store::Database& db, const std::string& key, bool directory) {
  static const std::string sql = std::string(kSelect) + " WHERE key = ? AND directory = ?";
  store::Statement row = TRY(db.query(sql, std::string_view(key), directory ? 1 : 0));
  if (!TRY(row.step())) return std::nullopt;
  return TRY(merged_in(row));
}

Result<std::vector<Merged>> merged_of(store::Database& db, const oci::Digest& top) {
  static const std::string sql = std::string(kSelect) + " WHERE top = ?";
  return list(TRY(db.query(sql, std::string_view(top.hex()))));
}

Result<std::vector<Merged>> all_merged(store::Database& db) { return list(TRY(db.query(kSelect))); }

Result<> put(store::Database& db, const Merged& merged) {
  std::string indexes;
  for (const std::uint32_t layer : merged.indexes) indexes += fmt::format("{}{}", indexes.empty() ? "" : " ", layer);
  return db.run(
      "INSERT OR REPLACE INTO layers_merged(key, top, directory, digest, size, writer, indexes) VALUES (?, ?, ?, ?, ?, "
      "?, ?)",
      std::string_view(merged.key), std::string_view(merged.top.hex()), merged.directory ? 1 : 0,
      std::string_view(merged.digest), merged.size, merged.writer, std::string_view(indexes));
}

Result<> erase_merged(store::Database& db, const std::string& key, bool directory) {
  return db.run("DELETE FROM layers_merged WHERE key = ? AND directory = ?", std::string_view(key), directory ? 1 : 0);
}

}  // namespace strata::layers::records
