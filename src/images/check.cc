// fsck of the image records: bytes against their digests, lists against the config that they come from.
#include "images/check.h"

#include <algorithm>

#include "images/images.h"
#include "images/records.h"
#include "layers/layers.h"
#include "oci/chain_id.h"
#include "store/database.h"
#include "store/reference.h"

namespace strata::images {
namespace {

using Kind = ImageDefect::Kind;
using Found = std::function<void(ImageDefect)>;

Result<> check_manifests(store::Database& db, const oci::Digest& id, const Found& found) {
  auto rows = TRY(db.query("SELECT digest, bytes FROM images_manifest WHERE image = ?", id.to_string()));
  while (TRY(rows.step()))
    if (oci::Digest::of(rows.text_view(1)).to_string() != rows.text_view(0))
      found({Kind::kManifest, id, fmt::format("the manifest {} is damaged", rows.text_view(0)), rows.text(0)});
  return {};
}

Result<> check_layers(store::Store& store, const oci::Digest& id, const oci::ImageConfig& config, const Found& found) {
  const auto chains = oci::chain_ids(config.diff_ids);
  std::vector<std::string> expected, listed;
  for (std::size_t i = 0; i < chains.size(); ++i)
    expected.push_back(config.diff_ids[i].to_string() + ' ' + chains[i].to_string());
  {
    auto rows = TRY(store.db().query("SELECT diff_id, chain_id FROM images_layer WHERE image = ? ORDER BY position",
                                     id.to_string()));
    while (TRY(rows.step())) listed.push_back(rows.text(0) + ' ' + rows.text(1));
  }
  if (listed != expected) found({Kind::kLayers, id, "its list of layers is not that of its config", ""});
  for (const oci::Digest& chain : chains) {
    auto rows = TRY(store.db().query("SELECT 1 FROM store_reference WHERE kind = ? AND key = ? AND holder = ?",
                                     store::kLayer, chain.to_string(), records::holder(id)));
    if (!TRY(rows.step()))
      found({Kind::kReference, id, fmt::format("it does not hold its layer {}", chain.to_string()), chain.to_string()});
  }
  return {};
}

}  // namespace

Result<> Images::check(const std::function<void(ImageDefect)>& found) {
  store::Database& db = store_.db();
  // One moment's state; nobody changes images meanwhile.
  const store::Transaction alone = TRY(db.begin());
  auto rows = TRY(db.query("SELECT id, config FROM images_image"));
  while (TRY(rows.step())) {
    const oci::Digest id = TRY(oci::Digest::parse(rows.text_view(0)));
    TRY(check_manifests(db, id, found));
    const auto config = oci::ImageConfig::parse(rows.text_view(1));
    if (oci::Digest::of(rows.text_view(1)) != id) {
      found({Kind::kConfig, id, "its config is damaged: it does not have its digest", ""});
      continue;
    }
    if (!config) {
      found({Kind::kConfig, id, "its config cannot be read: " + config.error().message(), ""});
      continue;
    }
    TRY(check_layers(store_, id, *config, found));
    for (const oci::Digest& chain : oci::chain_ids(config->diff_ids))
      if (!TRY(layers_.is_recorded(chain)))
        found({Kind::kLayer, id, fmt::format("its layer {} is not recorded", chain.to_string()), chain.to_string()});
  }
  auto orphans =
      TRY(db.query("SELECT DISTINCT substr(holder, 7) FROM store_reference WHERE holder LIKE 'image/%'"
                   " AND substr(holder, 7) NOT IN (SELECT id FROM images_image)"));
  while (TRY(orphans.step()))
    found({Kind::kOrphan, TRY(oci::Digest::parse(orphans.text_view(0))),
           "layers are held for it, but it is not recorded", ""});
  return {};
}

Result<bool> Images::mend(const ImageDefect& defect) {
  store::Database& db = store_.db();
  store::Transaction change = TRY(db.begin());
  switch (defect.kind) {
    case Kind::kConfig:
    case Kind::kLayer:
      return false;
    case Kind::kManifest:
      TRY(db.run("DELETE FROM images_manifest WHERE image = ? AND digest = ?", defect.image.to_string(), defect.key));
      break;
    case Kind::kOrphan:
      TRY(store::drop_references(store_, records::holder(defect.image)));
      break;
    case Kind::kReference:
      TRY(store::add_reference(store_, store::kLayer, defect.key, records::holder(defect.image)));
      break;
    case Kind::kLayers: {
      const auto image = TRY(records::load(db, defect.image));
      if (!image) return false;
      TRY(db.run("DELETE FROM images_layer WHERE image = ?", defect.image.to_string()));
      TRY(records::put_layers(store_, image->id, image->config, oci::chain_ids(image->config.diff_ids)));
      break;
    }
  }
  TRY(change.commit());
  return true;
}

Result<std::map<oci::Digest, std::vector<oci::Digest>>> Images::users_of_layers() {
  std::map<oci::Digest, std::vector<oci::Digest>> users;
  auto rows = TRY(store_.db().query("SELECT chain_id, image FROM images_layer"));
  while (TRY(rows.step()))
    users[TRY(oci::Digest::parse(rows.text_view(0)))].push_back(TRY(oci::Digest::parse(rows.text_view(1))));
  return users;
}

Result<std::vector<std::string>> Images::familiar_names(const oci::Digest& id) {
  const auto all = TRY(records::names_of(store_.db(), id));
  std::vector<std::string> names;
  for (const oci::Reference& name : all)  // tags first
    if (!name.digest || names.empty()) names.push_back(name.familiar());
  if (names.empty()) names.push_back(id.short_hex());
  return names;
}

}  // namespace strata::images
