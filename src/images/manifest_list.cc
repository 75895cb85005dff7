#include "images/manifest_list.h"

#include "base/json.h"
#include "base/json_fields.h"
#include "oci/image_config.h"
#include "oci/manifest.h"
#include "registry/client.h"
#include "store/database.h"
#include "store/store.h"

namespace strata::images {
namespace {

Error no_such_manifest(const oci::Reference& name) {
  return error(ErrorKind::kNotFound, "No such manifest: {}", name.familiar());
}

ordered_json platform_json(const ListedManifest& entry) {
  const oci::Platform platform = entry.descriptor.platform.value_or(oci::Platform());
  ordered_json object{{"architecture", platform.architecture}, {"os", platform.os}};
  if (!platform.os_version.empty()) object["os.version"] = platform.os_version;
  if (!entry.os_features.empty()) object["os.features"] = entry.os_features;
  if (!platform.variant.empty()) object["variant"] = platform.variant;
  return object;
}

// One entry as the store keeps it: a descriptor in JSON.
std::string entry_text(const ListedManifest& entry) {
  ordered_json object{{"mediaType", entry.descriptor.media_type}, {"size", entry.descriptor.size}};
  object["digest"] = entry.descriptor.digest.to_string();
  object["platform"] = platform_json(entry);
  if (!entry.descriptor.annotations.empty()) object["annotations"] = entry.descriptor.annotations;
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

Result<ListedManifest> entry_from(std::string_view text) {
  ListedManifest entry;
  std::string digest;
  oci::Platform platform;
  TRY(read_json_object(text, [&](JsonFields& in) {
    in("mediaType", entry.descriptor.media_type)("size", entry.descriptor.size)("digest", digest);
    in("annotations", entry.descriptor.annotations);
    in.object("platform", [&](JsonFields& fields) {
      fields("os", platform.os)("architecture", platform.architecture)("variant", platform.variant);
      fields("os.version", platform.os_version)("os.features", entry.os_features);
    });
  }));
  entry.descriptor.digest = TRY(oci::Digest::parse(digest));
  entry.descriptor.platform = platform;
  return entry;
}

Result<std::vector<oci::Descriptor>> blobs_of(const ListedManifest& entry) {
  const auto parsed = TRY(oci::parse_manifest(entry.bytes, entry.descriptor.media_type));
  const auto* manifest = std::get_if<oci::Manifest>(&parsed);
  if (manifest == nullptr) return error(ErrorKind::kCorrupt, "{} is no manifest", entry.source.familiar());
  std::vector<oci::Descriptor> blobs = manifest->layers;
  blobs.push_back(manifest->config);
  return blobs;
}

// The manifest and its blobs, from a repository of the same registry.
Result<> copy_into(registry::Client& client, const oci::Reference& target, const ListedManifest& entry) {
  for (const oci::Descriptor& blob : TRY(blobs_of(entry))) {
    if (TRY(client.has_blob(target, blob.digest))) continue;
    if (!TRY(client.mount_blob(target, blob.digest, entry.source)))
      return error(ErrorKind::kUnavailable, "{} does not hand blob {} on to {}", entry.source.domain(),
                   blob.digest.to_string(), target.familiar_name());
  }
  TRY(client.put_manifest(target.with_digest(entry.descriptor.digest), entry.bytes, entry.descriptor.media_type));
  return {};
}

}  // namespace

Result<ListedManifest> fetch_listed(registry::Client& client, const oci::Reference& reference) {
  auto fetched = client.get_manifest(reference);
  if (!fetched && fetched.error().kind() == ErrorKind::kNotFound)
    return error(ErrorKind::kNotFound, "no such manifest: {}", reference.familiar());
  if (!fetched) return std::move(fetched).take_error();
  const auto parsed = TRY(oci::parse_manifest(fetched->bytes, fetched->media_type), "{}", reference.familiar());
  const auto* manifest = std::get_if<oci::Manifest>(&parsed);
  if (manifest == nullptr) return error(ErrorKind::kInvalidArgument, "{} is a manifest list", reference.familiar());
  const auto config =
      TRY(oci::ImageConfig::parse(TRY(client.get_blob(reference, manifest->config, oci::kMaxImageConfigSize))), "{}",
          reference.familiar());
  ListedManifest entry;
  entry.source = reference;
  entry.descriptor.media_type = manifest->media_type;
  entry.descriptor.digest = fetched->digest;
  entry.descriptor.size = fetched->bytes.size();
  entry.descriptor.platform = oci::Platform{config.os, config.architecture, config.variant, config.os_version};
  entry.bytes = std::move(fetched->bytes);
  return entry;
}

Result<ManifestList> load_manifest_list(store::Store& store, const oci::Reference& name) {
  ManifestList list;
  auto rows = TRY(store.db().query(
      "SELECT source, entry, bytes FROM images_listed_manifest WHERE list = ? ORDER BY position", name.to_string()));
  while (TRY(rows.step())) {
    ListedManifest entry = TRY(entry_from(rows.text_view(1)));
    entry.source = TRY(oci::Reference::parse(rows.text_view(0)));
    entry.bytes = rows.text(2);
    list.push_back(std::move(entry));
  }
  if (list.empty()) return no_such_manifest(name);
  return list;
}

Result<> save_manifest_list(store::Store& store, const oci::Reference& name, const ManifestList& list) {
  if (list.size() > kMaxListedManifests)
    return error(ErrorKind::kResourceExhausted, "{} manifests in one list: at most {}", list.size(),
                 kMaxListedManifests);
  store::Database& db = store.db();
  store::Transaction change = TRY(db.begin());
  TRY(db.run("DELETE FROM images_listed_manifest WHERE list = ?", name.to_string()));
  for (std::size_t i = 0; i < list.size(); ++i)
    TRY(db.run(
        "INSERT INTO images_listed_manifest(list, position, source, entry, bytes) VALUES "
        "(?, ?, ?, ?, ?)",
        name.to_string(), i, list[i].source.to_string(), entry_text(list[i]), std::as_bytes(std::span(list[i].bytes))));
  return change.commit();
}

Result<> remove_manifest_list(store::Store& store, const oci::Reference& name) {
  store::Database& db = store.db();
  store::Transaction change = TRY(db.begin());
  TRY(db.run("DELETE FROM images_listed_manifest WHERE list = ?", name.to_string()));
  if (db.changes() == 0) return no_such_manifest(name);
  return change.commit();
}

std::string manifest_list_type(const ManifestList& list) {
  const bool oci = !list.empty() && list.front().descriptor.media_type == oci::media_type::kOciManifest;
  return std::string(oci ? oci::media_type::kOciIndex : oci::media_type::kDockerManifestList);
}

std::string manifest_list_json(const ManifestList& list) {
  ordered_json object{{"schemaVersion", 2}, {"mediaType", manifest_list_type(list)}};
  ordered_json& manifests = object["manifests"] = ordered_json::array();
  for (const ListedManifest& entry : list) {
    ordered_json item{{"mediaType", entry.descriptor.media_type}, {"size", entry.descriptor.size}};
    item["digest"] = entry.descriptor.digest.to_string();
    if (!entry.descriptor.annotations.empty()) item["annotations"] = entry.descriptor.annotations;
    item["platform"] = platform_json(entry);
    manifests.push_back(std::move(item));
  }
  return object.dump(3, ' ', false, ordered_json::error_handler_t::replace);
}

Result<oci::Digest> push_manifest_list(registry::Client& client, const oci::Reference& target,
                                       const ManifestList& list) {
  for (const ListedManifest& entry : list)
    if (entry.source.domain() != target.domain())
      return error(ErrorKind::kInvalidArgument,
                   "cannot use source images from a different registry than the target image: {} != {}",
                   entry.source.domain(), target.domain());
  for (const ListedManifest& entry : list)
    if (entry.source.path() != target.path()) TRY(copy_into(client, target, entry), "{}", entry.source.familiar());
  return client.put_manifest(target, manifest_list_json(list), manifest_list_type(list));
}

}  // namespace strata::images
