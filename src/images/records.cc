#include "images/records.h"

#include <array>

#include "base/clock.h"
#include "store/reference.h"

namespace strata::images::records {
namespace {

constexpr std::string_view kVersions[] = {
    R"(
    -- config stands last: lists never read it, and it may fill pages of its own.
    CREATE TABLE images_image(
      id TEXT PRIMARY KEY, created INTEGER NOT NULL, size INTEGER NOT NULL, hidden INTEGER NOT NULL DEFAULT 0,
      last_tagged INTEGER NOT NULL DEFAULT 0, config BLOB NOT NULL) STRICT;
    CREATE TABLE images_layer(
      image TEXT NOT NULL REFERENCES images_image(id) ON DELETE CASCADE, position INTEGER NOT NULL,
      diff_id TEXT NOT NULL, chain_id TEXT NOT NULL, PRIMARY KEY(image, position)) STRICT, WITHOUT ROWID;
    CREATE INDEX images_layer_by_diff_id ON images_layer(diff_id);
    CREATE TABLE images_tag(
      repository TEXT NOT NULL, tag TEXT NOT NULL, image TEXT NOT NULL REFERENCES images_image(id) ON DELETE CASCADE,
      PRIMARY KEY(repository, tag)) STRICT, WITHOUT ROWID;
    CREATE INDEX images_tag_by_image ON images_tag(image);
    CREATE TABLE images_repo_digest(
      repository TEXT NOT NULL, digest TEXT NOT NULL, image TEXT NOT NULL REFERENCES images_image(id) ON DELETE CASCADE,
      PRIMARY KEY(repository, digest)) STRICT, WITHOUT ROWID;
    CREATE INDEX images_repo_digest_by_image ON images_repo_digest(image);
    CREATE TABLE images_manifest(
      sequence INTEGER PRIMARY KEY, image TEXT NOT NULL REFERENCES images_image(id) ON DELETE CASCADE,
      digest TEXT NOT NULL, media_type TEXT NOT NULL, bytes BLOB NOT NULL, UNIQUE(image, digest)) STRICT;
    CREATE TABLE images_blob(
      sequence INTEGER PRIMARY KEY, digest TEXT NOT NULL UNIQUE, diff_id TEXT NOT NULL, size INTEGER NOT NULL,
      media_type TEXT NOT NULL, compression TEXT NOT NULL) STRICT;
    CREATE INDEX images_blob_by_diff_id ON images_blob(diff_id);
    CREATE TABLE images_blob_source(
      digest TEXT NOT NULL REFERENCES images_blob(digest) ON DELETE CASCADE, repository TEXT NOT NULL,
      PRIMARY KEY(digest, repository)) STRICT, WITHOUT ROWID
    )",
    // manifest_list.h
    R"(
    CREATE TABLE images_listed_manifest(
      list TEXT NOT NULL, position INTEGER NOT NULL, source TEXT NOT NULL, entry TEXT NOT NULL, bytes BLOB NOT NULL,
      PRIMARY KEY(list, position)) STRICT
    )",
};

std::int64_t nanoseconds(Timestamp time) { return time.time_since_epoch().count(); }
Timestamp timestamp(std::int64_t nanoseconds_since_1970) {
  return Timestamp(std::chrono::nanoseconds(nanoseconds_since_1970));
}

// What we wrote ourselves: a failure here means that the database was damaged.
Result<oci::Reference> tagged_reference(std::string_view repository, std::string_view tag) {
  return TRY(oci::Reference::parse(repository)).with_tag(tag);
}
Result<oci::Reference> digested_reference(std::string_view repository, std::string_view digest) {
  return TRY(oci::Reference::parse(repository)).with_digest(TRY(oci::Digest::parse(digest)));
}

codec::Compression parse_compression(std::string_view text) {
  using enum codec::Compression;
  for (const auto compression : {kGzip, kZstd, kXz, kBzip2})
    if (text == codec::to_string(compression)) return compression;
  return kNone;
}

Result<std::optional<oci::Digest>> one_digest(store::Statement rows) {
  if (!TRY(rows.step())) return std::nullopt;
  return TRY(oci::Digest::parse(rows.text_view(0)));
}

Result<std::vector<oci::Digest>> all_digests(store::Statement rows) {
  std::vector<oci::Digest> digests;
  while (TRY(rows.step())) digests.push_back(TRY(oci::Digest::parse(rows.text_view(0))));
  return digests;
}

}  // namespace

const store::Schema& schema() {
  static constexpr store::Schema kSchema{"images", kVersions};
  return kSchema;
}

std::string holder(const oci::Digest& id) { return "image/" + id.to_string(); }

// ---- names

Result<std::optional<oci::Digest>> image_of_tag(store::Database& db, const oci::Reference& tagged) {
  return one_digest(TRY(db.query("SELECT image FROM images_tag WHERE repository = ? AND tag = ?", tagged.name(),
                                 tagged.tag.value_or(""))));
}

Result<std::optional<oci::Digest>> image_of_repo_digest(store::Database& db, const oci::Reference& digested) {
  return one_digest(TRY(db.query("SELECT image FROM images_repo_digest WHERE repository = ? AND digest = ?",
                                 digested.name(), digested.digest.value_or(oci::Digest()).to_string())));
}

Result<std::vector<oci::Digest>> images_with_prefix(store::Database& db, std::string_view hex, int limit) {
  const std::string first = fmt::format("sha256:{}", hex);
  return all_digests(TRY(
      db.query("SELECT id FROM images_image WHERE id >= ?1 AND id < ?1 || 'g' AND NOT hidden LIMIT ?2", first, limit)));
}

Result<> set_tag(store::Database& db, const oci::Reference& tagged, const oci::Digest& image) {
  TRY(
      db.run("INSERT INTO images_tag(repository, tag, image) VALUES (?1, ?2, ?3)"
             " ON CONFLICT(repository, tag) DO UPDATE SET image = ?3",
             tagged.name(), tagged.tag.value_or("latest"), image.to_string()));
  return db.run("UPDATE images_image SET last_tagged = ? WHERE id = ?", nanoseconds(now()), image.to_string());
}

Result<> set_repo_digest(store::Database& db, const oci::Reference& digested, const oci::Digest& image) {
  return db.run(
      "INSERT INTO images_repo_digest(repository, digest, image) VALUES (?1, ?2, ?3)"
      " ON CONFLICT(repository, digest) DO UPDATE SET image = ?3",
      digested.name(), digested.digest.value().to_string(), image.to_string());
}

Result<bool> remove_name(store::Database& db, const oci::Reference& name) {
  if (name.digest)
    TRY(db.run("DELETE FROM images_repo_digest WHERE repository = ? AND digest = ?", name.name(),
               name.digest->to_string()));
  else
    TRY(db.run("DELETE FROM images_tag WHERE repository = ? AND tag = ?", name.name(), name.tag.value_or("")));
  return db.changes() > 0;
}

Result<std::vector<oci::Reference>> names_of(store::Database& db, const oci::Digest& image) {
  std::vector<oci::Reference> names;
  const std::string id = image.to_string();
  auto tags = TRY(db.query("SELECT repository, tag FROM images_tag WHERE image = ? ORDER BY repository, tag", id));
  while (TRY(tags.step())) names.push_back(TRY(tagged_reference(tags.text_view(0), tags.text_view(1))));
  auto digests =
      TRY(db.query("SELECT repository, digest FROM images_repo_digest WHERE image = ? ORDER BY "
                   "repository, digest",
                   id));
  while (TRY(digests.step())) names.push_back(TRY(digested_reference(digests.text_view(0), digests.text_view(1))));
  return names;
}

Result<std::vector<oci::Reference>> tags_in(store::Database& db, const oci::Reference& repository) {
  std::vector<oci::Reference> names;
  auto tags = TRY(db.query("SELECT tag FROM images_tag WHERE repository = ? ORDER BY tag", repository.name()));
  while (TRY(tags.step())) names.push_back(repository.with_tag(tags.text_view(0)));
  return names;
}

// ---- images

Result<std::optional<Image>> load(store::Database& db, const oci::Digest& id) {
  Image image;
  {
    auto row =
        TRY(db.query("SELECT created, size, last_tagged, config FROM images_image WHERE id = ?", id.to_string()));
    if (!TRY(row.step())) return std::nullopt;
    image.id = id;
    image.created = timestamp(row.integer(0));
    image.size = static_cast<std::uint64_t>(row.integer(1));
    image.last_tagged = timestamp(row.integer(2));
    image.config_bytes = row.text(3);
  }
  image.config = TRY(oci::ImageConfig::parse(image.config_bytes), "image {}", id.to_string());
  auto chain = TRY(db.query("SELECT chain_id FROM images_layer WHERE image = ? ORDER BY position", id.to_string()));
  while (TRY(chain.step())) image.chain_ids.push_back(TRY(oci::Digest::parse(chain.text_view(0))));
  for (oci::Reference& name : TRY(names_of(db, id)))
    (name.digest ? image.repo_digests : image.tags).push_back(std::move(name));
  return image;
}

Result<std::vector<ImageSummary>> list(store::Database& db) {
  std::vector<ImageSummary> images;
  std::map<std::string, std::size_t> positions;
  {
    auto rows = TRY(db.query("SELECT id, created, size FROM images_image WHERE NOT hidden ORDER BY created DESC, id"));
    while (TRY(rows.step())) {
      ImageSummary& image = images.emplace_back();
      image.id = TRY(oci::Digest::parse(rows.text_view(0)));
      image.created = timestamp(rows.integer(1));
      image.size = static_cast<std::uint64_t>(rows.integer(2));
      positions.emplace(rows.text(0), images.size() - 1);
    }
  }
  auto tags = TRY(db.query("SELECT image, repository, tag FROM images_tag ORDER BY repository, tag"));
  while (TRY(tags.step()))
    if (const auto found = positions.find(tags.text(0)); found != positions.end())
      images[found->second].tags.push_back(TRY(tagged_reference(tags.text_view(1), tags.text_view(2))));
  auto digests = TRY(db.query("SELECT image, repository, digest FROM images_repo_digest ORDER BY repository, digest"));
  while (TRY(digests.step()))
    if (const auto found = positions.find(digests.text(0)); found != positions.end())
      images[found->second].repo_digests.push_back(TRY(digested_reference(digests.text_view(1), digests.text_view(2))));
  return images;
}

Result<bool> is_visible(store::Database& db, const oci::Digest& id) {
  auto rows = TRY(db.query("SELECT 1 FROM images_image WHERE id = ? AND NOT hidden", id.to_string()));
  return rows.step();
}

Result<bool> insert(store::Store& store, const oci::Digest& id, std::string_view config_bytes, Timestamp created,
                    std::uint64_t size, std::span<const oci::Digest> chain_ids) {
  store::Database& db = store.db();
  if (TRY(is_visible(db, id))) return false;
  const oci::ImageConfig config = TRY(oci::ImageConfig::parse(config_bytes));
  TRY(
      db.run("INSERT INTO images_image(id, created, size, config) VALUES (?, ?, ?, ?)"
             " ON CONFLICT(id) DO UPDATE SET hidden = 0",
             id.to_string(), nanoseconds(created), size, std::as_bytes(std::span(config_bytes))));
  TRY(put_layers(store, id, config, chain_ids));
  return true;
}

Result<> put_layers(store::Store& store, const oci::Digest& id, const oci::ImageConfig& config,
                    std::span<const oci::Digest> chain_ids) {
  for (std::size_t i = 0; i < chain_ids.size(); ++i) {
    const std::string chain = chain_ids[i].to_string();
    TRY(
        store.db().run("INSERT OR IGNORE INTO images_layer(image, position, diff_id, chain_id) VALUES (?, "
                       "?, ?, ?)",
                       id.to_string(), i, config.diff_ids.at(i).to_string(), chain));
    TRY(store::add_reference(store, store::kLayer, chain, holder(id)));
  }
  return {};
}

Result<> hide(store::Database& db, const oci::Digest& id) {
  TRY(db.run("DELETE FROM images_tag WHERE image = ?", id.to_string()));
  TRY(db.run("DELETE FROM images_repo_digest WHERE image = ?", id.to_string()));
  return db.run("UPDATE images_image SET hidden = 1 WHERE id = ?", id.to_string());
}

Result<std::vector<oci::Digest>> hidden(store::Database& db) {
  return all_digests(TRY(db.query("SELECT id FROM images_image WHERE hidden")));
}

Result<> erase(store::Store& store, const oci::Digest& id) {
  TRY(store::drop_references(store, holder(id)));
  return store.db().run("DELETE FROM images_image WHERE id = ?", id.to_string());
}

// ---- manifests and blobs

Result<> keep_manifest(store::Database& db, const oci::Digest& image, const StoredManifest& manifest) {
  return db.run(
      "INSERT OR REPLACE INTO images_manifest(image, digest, media_type, bytes) VALUES (?, ?, ?, "
      "?)",
      image.to_string(), manifest.digest.to_string(), manifest.media_type, std::as_bytes(std::span(manifest.bytes)));
}

Result<std::vector<StoredManifest>> manifests_of(store::Database& db, const oci::Digest& image) {
  std::vector<StoredManifest> manifests;
  auto rows =
      TRY(db.query("SELECT digest, media_type, bytes FROM images_manifest WHERE image = ? ORDER BY "
                   "sequence DESC",
                   image.to_string()));
  while (TRY(rows.step()))
    if (oci::is_manifest_type(rows.text_view(1)))
      manifests.push_back({TRY(oci::Digest::parse(rows.text_view(0))), rows.text(1), rows.text(2)});
  return manifests;
}

Result<std::vector<StoredManifest>> documents_of(store::Database& db, const oci::Digest& image) {
  std::vector<StoredManifest> documents;
  auto rows =
      TRY(db.query("SELECT digest, media_type, bytes FROM images_manifest WHERE image = ? ORDER BY "
                   "digest",
                   image.to_string()));
  while (TRY(rows.step()))
    documents.push_back({TRY(oci::Digest::parse(rows.text_view(0))), rows.text(1), rows.text(2)});
  return documents;
}

Result<> keep_blob(store::Database& db, const oci::Digest& diff_id, const Blob& blob) {
  return db.run(
      "INSERT OR IGNORE INTO images_blob(digest, diff_id, size, media_type, compression) VALUES "
      "(?, ?, ?, ?, ?)",
      blob.descriptor.digest.to_string(), diff_id.to_string(), blob.descriptor.size, blob.descriptor.media_type,
      codec::to_string(blob.compression));
}

Result<> keep_source(store::Database& db, const oci::Digest& diff_id, const oci::Digest& blob,
                     const oci::Reference& seen_in) {
  return db.run(
      "INSERT OR IGNORE INTO images_blob_source(digest, repository)"
      " SELECT digest, ?3 FROM images_blob WHERE digest = ?1 AND diff_id = ?2",
      blob.to_string(), diff_id.to_string(), seen_in.name());
}

Result<std::vector<Blob>> blobs_of(store::Database& db, const oci::Digest& diff_id) {
  std::vector<Blob> blobs;
  auto rows =
      TRY(db.query("SELECT digest, size, media_type, compression FROM images_blob WHERE diff_id = "
                   "? ORDER BY sequence DESC",
                   diff_id.to_string()));
  while (TRY(rows.step())) {
    Blob& blob = blobs.emplace_back();
    blob.descriptor.digest = TRY(oci::Digest::parse(rows.text_view(0)));
    blob.descriptor.size = static_cast<std::uint64_t>(rows.integer(1));
    blob.descriptor.media_type = rows.text(2);
    blob.compression = parse_compression(rows.text_view(3));
  }
  return blobs;
}

Result<std::optional<oci::Digest>> layer_of_blob(store::Database& db, const oci::Digest& blob) {
  return one_digest(TRY(db.query("SELECT diff_id FROM images_blob WHERE digest = ?", blob.to_string())));
}

Result<std::vector<oci::Reference>> sources_of(store::Database& db, const oci::Digest& blob) {
  std::vector<oci::Reference> sources;
  auto rows =
      TRY(db.query("SELECT repository FROM images_blob_source WHERE digest = ? ORDER BY repository", blob.to_string()));
  while (TRY(rows.step())) sources.push_back(TRY(oci::Reference::parse(rows.text_view(0))));
  return sources;
}

Result<> forget_unused_blobs(store::Database& db) {
  return db.run(
      "DELETE FROM images_blob WHERE NOT EXISTS(SELECT 1 FROM images_layer WHERE "
      "images_layer.diff_id = images_blob.diff_id)");
}

}  // namespace strata::images::records
