#include "images/layer_tree_summary.h"

#include <algorithm>

#include "images/layer_story.h"
#include "images/records.h"
#include "layers/layers.h"
#include "store/database.h"

namespace strata::images {
namespace {

using codec::FileType;

Result<> count(const layers::TreeEntry& entry, LayerSummary& layer) {
  if (entry.path.empty() || entry.implied) return {};
  if (entry.opaque) ++layer.removed;
  if (entry.whiteout)
    ++layer.removed;
  else if (!entry.link_of.empty() || entry.type == FileType::kSymlink)
    ++layer.links;
  else if (entry.type == FileType::kDirectory)
    ++layer.directories;
  else if (entry.type == FileType::kFile)
    ++layer.files, layer.bytes += entry.size;
  else
    ++layer.others;
  return {};
}

// All names that people know the image by; its ID when it has none.
std::vector<std::string> names_of(store::Database& db, const oci::Digest& id) {
  std::vector<std::string> names;
  if (const auto known = records::names_of(db, id))
    for (const oci::Reference& name : *known)
      if (!name.digest) names.push_back(name.familiar());
  if (names.empty()) names.push_back(id.short_hex());
  return names;
}

Result<std::vector<std::string>> shared_with(store::Database& db, const oci::Digest& diff_id, const oci::Digest& self) {
  std::vector<oci::Digest> others;
  auto rows =
      TRY(db.query("SELECT DISTINCT image FROM images_layer JOIN images_image ON id = image WHERE "
                   "diff_id = ? AND NOT hidden",
                   diff_id.to_string()));
  while (TRY(rows.step())) {
    const oci::Digest id = TRY(oci::Digest::parse(rows.text_view(0)));
    if (id != self) others.push_back(id);
  }
  std::vector<std::string> names;
  for (const oci::Digest& id : others)
    for (std::string& name : names_of(db, id)) names.push_back(std::move(name));
  std::ranges::sort(names);
  return names;
}

}  // namespace

Result<std::vector<LayerSummary>> summarize_layers(Images& images, const Image& image) {
  std::vector<LayerSummary> summaries;
  const std::vector<std::string> instructions = instructions_of(image);
  for (std::size_t i = 0; i < image.chain_ids.size(); ++i) {
    LayerSummary& layer = summaries.emplace_back();
    layer.chain_id = image.chain_ids[i];
    layer.diff_id = image.config.diff_ids.at(i);
    layer.instruction = instructions[i];
    if (const auto found = TRY(images.layers().find(layer.chain_id))) layer.tar_size = found->tar_size;
    layers::MergedTree tree = TRY(images.layers().own_tree(layer.chain_id), "layer {}", layer.diff_id.to_string());
    TRY(tree.walk([&](const layers::TreeEntry& entry) { return count(entry, layer); }));
    layer.shared_with = TRY(shared_with(images.store().db(), layer.diff_id, image.id));
  }
  return summaries;
}

}  // namespace strata::images
