// Docker's rules for taking names and images away (moby, daemon/images/image_delete.go), in one
// transaction: when something is in the way, nothing has changed.
#include <algorithm>
#include <map>
#include <set>

#include "images/images.h"
#include "images/records.h"
#include "layers/layers.h"
#include "store/database.h"
#include "store/reference.h"

namespace strata::images {
namespace {

// The image has at most one tag, and digests only in that tag's repository: taking the tag away
// leaves nothing worth keeping.
bool is_single_reference(const std::vector<oci::Reference>& names) {
  if (names.size() <= 1) return true;
  const oci::Reference* single = nullptr;
  std::set<std::string> digest_repositories;
  for (const oci::Reference& name : names) {
    if (name.digest)
      digest_repositories.insert(name.name());
    else if (single == nullptr)
      single = &name;
    else
      return false;
  }
  if (single == nullptr) single = &names.front();
  return digest_repositories.size() == 1 && digest_repositories.contains(single->name());
}

bool is_id_prefix(const oci::Digest& id, std::string_view text) {
  return id.hex().starts_with(text) || id.to_string().starts_with(text);
}

struct Uses {
  std::string running, stopped;  // a container's short id, or empty
  bool any() const { return !running.empty() || !stopped.empty(); }
};

Uses uses_of(const oci::Digest& id, const std::vector<ImageUse>& all) {
  Uses uses;
  for (const ImageUse& use : all)
    if (use.image_id == id) (use.running ? uses.running : uses.stopped) = use.container_id.substr(0, 12);
  return uses;
}

Error conflict(const oci::Digest& id, bool hard, std::string_view why) {
  return error(ErrorKind::kConflict, "conflict: unable to delete {} ({}) - {}", id.short_hex(),
               hard ? "cannot be forced" : "must be forced", why);
}

// Containers that forbid to delete the image.
Result<> check_uses(const oci::Digest& id, const Uses& uses, bool force) {
  if (!uses.running.empty())
    return conflict(id, true, fmt::format("image is being used by running container {}", uses.running));
  if (!force && !uses.stopped.empty())
    return conflict(id, false, fmt::format("image is being used by stopped container {}", uses.stopped));
  return {};
}

// The work on the records; the layers follow when it is committed.
struct Removing {
  store::Store& store;
  std::vector<Removal> removals{};
  std::vector<oci::Digest> layers{};  // of the images that are gone, bottom first

  Result<> untag(const oci::Reference& name) {
    if (TRY(records::remove_name(store.db(), name))) removals.push_back({false, name.familiar()});
    return {};
  }

  Result<> erase(const oci::Digest& id) {
    const auto image = TRY(records::load(store.db(), id));
    if (!image) return {};
    TRY(records::erase(store, id));
    layers.insert(layers.end(), image->chain_ids.begin(), image->chain_ids.end());
    return {};
  }

  Result<> remove_image(const oci::Digest& id, const Uses& uses) {
    for (const oci::Reference& name : TRY(records::names_of(store.db(), id))) TRY(untag(name));
    removals.push_back({true, id.to_string()});
    // A stopped container can still be started: its image is only out of sight.
    if (uses.any()) return records::hide(store.db(), id);
    return erase(id);
  }

  Result<> erase_hidden(const std::vector<ImageUse>& all) {
    for (const oci::Digest& id : TRY(records::hidden(store.db())))
      if (!uses_of(id, all).any()) TRY(erase(id));
    return records::forget_unused_blobs(store.db());
  }

  Result<> remove(const oci::Digest& id, std::string_view typed, bool force, const Uses& uses) {
    auto names = TRY(records::names_of(store.db(), id));
    if (!is_id_prefix(id, typed)) {
      const oci::Reference name = TRY(oci::Reference::parse(typed)).with_default_tag();
      if (!force && uses.any() && is_single_reference(names))
        return error(ErrorKind::kConflict,
                     "conflict: unable to remove repository reference \"{}\" (must force) - "
                     "container {} is using its "
                     "referenced image {}",
                     typed, uses.running.empty() ? uses.stopped : uses.running, id.short_hex());
      TRY(untag(name));
      TRY(untag_leftover_digests(id, name));
      if (!TRY(records::names_of(store.db(), id)).empty()) return {};
    } else if (!force && !is_single_reference(names)) {
      return conflict(id, false, "image is referenced in multiple repositories");
    }
    TRY(check_uses(id, uses, force));
    return remove_image(id, uses);
  }

  // With the last tag of a repository its digests go too.
  Result<> untag_leftover_digests(const oci::Digest& id, const oci::Reference& removed) {
    if (removed.digest) return {};
    const auto names = TRY(records::names_of(store.db(), id));
    const auto in_repository = [&](const oci::Reference& name) { return name.name() == removed.name(); };
    if (std::ranges::any_of(names, [&](const auto& name) { return in_repository(name) && !name.digest; })) return {};
    for (const oci::Reference& name : names)
      if (in_repository(name)) TRY(untag(name));
    return {};
  }
};

std::uint64_t bytes_of(const std::vector<layers::Usage>& usage) {
  std::map<std::string, std::uint64_t> files;
  for (const layers::Usage& layer : usage) {
    files["tar " + layer.diff_id.hex()] = layer.tar_bytes;
    files["tree " + layer.tree_key] = layer.tree_bytes;
    files.insert(layer.merged.begin(), layer.merged.end());
  }
  std::uint64_t sum = 0;
  for (const auto& [name, bytes] : files) sum += bytes;
  return sum;
}

}  // namespace

Result<std::vector<oci::Digest>> Images::drop_layers(std::span<const oci::Digest> chain_ids) {
  std::vector<oci::Digest> unused;
  for (const oci::Digest& chain : chain_ids)
    if (!TRY(store::is_referenced(store_, store::kLayer, chain.to_string())) &&
        std::ranges::find(unused, chain) == unused.end())
      unused.push_back(chain);
  if (unused.empty()) return unused;
  std::ranges::reverse(unused);
  // Layers with others on top of them stay.
  return layers_.remove(unused);
}

Result<std::vector<Removal>> Images::remove(std::string_view name_or_id, bool force, const ImageUses& uses) {
  Removing removing{store_};
  {
    store::Transaction change = TRY(store_.db().begin());
    const oci::Digest id = TRY(find_id(name_or_id));
    const auto all = TRY(uses());
    TRY(removing.remove(id, name_or_id, force, uses_of(id, all)));
    TRY(removing.erase_hidden(all));
    TRY(change.commit());
  }
  for (const oci::Digest& layer : TRY(drop_layers(removing.layers)))
    removing.removals.push_back({true, layer.to_string()});
  return std::move(removing.removals);
}

Result<Pruned> Images::prune(bool all, const ImageUses& uses, const PruneFilter& filter) {
  const std::uint64_t before = bytes_of(TRY(layers_.usage()));
  Removing removing{store_};
  {
    store::Transaction change = TRY(store_.db().begin());
    const auto used = TRY(uses());
    for (const ImageSummary& image : TRY(list())) {
      if ((!all && !image.tags.empty()) || uses_of(image.id, used).any()) continue;
      if (TRY(store::is_referenced(store_, store::kImage, image.id.to_string()))) continue;
      if (!filter.empty() && !filter.matches(image.created, TRY(get(image.id)).config.config.labels)) continue;
      TRY(removing.remove_image(image.id, {}));
    }
    TRY(removing.erase_hidden(used));
    TRY(change.commit());
  }
  // Layers of pulls that failed belong to no image: all of them are looked at.
  const auto kept = TRY(layers_.usage());
  std::vector<oci::Digest> chains = removing.layers;
  for (const layers::Usage& layer : kept) chains.push_back(layer.chain_id);
  for (const oci::Digest& layer : TRY(drop_layers(chains))) removing.removals.push_back({true, layer.to_string()});
  const std::uint64_t after = bytes_of(TRY(layers_.usage()));
  return Pruned{std::move(removing.removals), before > after ? before - after : 0};
}

Result<Pruned> Images::collect_garbage(const ImageUses& uses) {
  const std::uint64_t before = bytes_of(TRY(layers_.usage()));
  Removing removing{store_};
  {
    store::Transaction change = TRY(store_.db().begin());
    const auto used = TRY(uses());
    TRY(removing.erase_hidden(used));
    TRY(change.commit());
  }
  std::vector<oci::Digest> chains;
  for (const layers::Usage& layer : TRY(layers_.usage())) chains.push_back(layer.chain_id);
  for (const oci::Digest& layer : TRY(drop_layers(chains))) removing.removals.push_back({true, layer.to_string()});
  const std::uint64_t after = bytes_of(TRY(layers_.usage()));
  return Pruned{std::move(removing.removals), before > after ? before - after : 0};
}

}  // namespace strata::images
