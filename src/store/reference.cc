#include "store/reference.h"

namespace strata::store {
namespace {

Result<std::vector<std::string>> first_column(Statement rows) {
  std::vector<std::string> keys;
  while (TRY(rows.step())) keys.push_back(rows.text(0));
  return keys;
}

}  // namespace

Result<> add_reference(Store& store, std::string_view kind, std::string_view key, std::string_view holder) {
  return store.db().run("INSERT OR IGNORE INTO store_reference(kind, key, holder) VALUES (?, ?, ?)", kind, key, holder);
}

Result<> drop_references(Store& store, std::string_view holder) {
  return store.db().run("DELETE FROM store_reference WHERE holder = ?", holder);
}

Result<std::vector<std::string>> keys_in_leases(Store& store, std::string_view kind) {
  return first_column(TRY(store.db().query("SELECT DISTINCT key FROM store_lease_ref WHERE kind = ?", kind)));
}

Result<std::vector<std::string>> keys_held_by(Store& store, std::string_view kind, std::string_view holder_prefix) {
  return first_column(TRY(store.db().query(
      "SELECT DISTINCT key FROM store_reference WHERE kind = ?1 AND substr(holder, 1, length(?2)) = ?2", kind,
      holder_prefix)));
}

Result<bool> is_referenced(Store& store, std::string_view kind, std::string_view key) {
  Statement rows =
      TRY(store.db().query("SELECT 1 WHERE EXISTS(SELECT 1 FROM store_reference WHERE kind = ?1 AND key = ?2)"
                           " OR EXISTS(SELECT 1 FROM store_lease_ref WHERE kind = ?1 AND key = ?2)",
                           kind, key));
  return rows.step();
}

}  // namespace strata::store
