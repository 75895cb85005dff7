// Manifest lists that a user puts together (`manifest create`) before they are pushed. They are
// kept in the store under their reference, together with the bytes of the manifests that they name.
// https://docs.docker.com/reference/cli/docker/manifest/
//
// Thread-safe as the store is.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "oci/descriptor.h"
#include "oci/reference.h"

namespace strata::registry {
class Client;
}
namespace strata::store {
class Store;
}

namespace strata::images {

// A manifest of one image, as an entry of a list has it.
struct ListedManifest {
  oci::Reference source;       // where it came from
  oci::Descriptor descriptor;  // with its platform, and annotations for the list
  std::vector<std::string> os_features;
  std::string bytes;
};
using ManifestList = std::vector<ListedManifest>;

inline constexpr std::size_t kMaxListedManifests = 1000;

// From its registry; its platform from its config. Errors: kNotFound "no such manifest: x";
// kInvalidArgument for a list.
Result<ListedManifest> fetch_listed(registry::Client& client, const oci::Reference& reference);

// Errors of load and remove: kNotFound "No such manifest: x".
Result<ManifestList> load_manifest_list(store::Store& store, const oci::Reference& name);
// In place of one of that name.
Result<> save_manifest_list(store::Store& store, const oci::Reference& name, const ManifestList& list);
Result<> remove_manifest_list(store::Store& store, const oci::Reference& name);

// An OCI index when the first entry is an OCI manifest, else docker's list.
std::string manifest_list_type(const ManifestList& list);
// The bytes that are pushed: docker's own layout, so the same list has the same digest.
std::string manifest_list_json(const ManifestList& list);

// Puts into the target's repository the manifests that come from others of its registry (their
// blobs are mounted), then the list. Errors: those of the registry; kInvalidArgument for entries of
// another registry.
Result<oci::Digest> push_manifest_list(registry::Client& client, const oci::Reference& target,
                                       const ManifestList& list);

}  // namespace strata::images
