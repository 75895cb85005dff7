// Layers are looked at without a mount.
#include "layers/layers_impl.h"

namespace strata::layers {

Result<MergedTree::Source> Layers::Impl::source_of(const records::Layer& layer) {
  TRY(ensure_index(layer));
  const auto tar = TRY(records::find_tar(db(), layer.diff_id));
  if (!tar) return error(ErrorKind::kNotFound, "layer {}: its tar is not here", layer.diff_id.to_string());
  MergedTree::Source source;
  source.name = layer.diff_id.to_string();
  source.tar_path = tar_path(layer.diff_id);
  source.index_path = index_path(layer.tree_key);
  source.tar_size = tar->size;
  for (auto& parent : TRY(parse_implied(tar->implied))) source.implied.push_back(std::move(parent.path));
  return source;
}

Result<MergedTree> Layers::tree(std::span<const oci::Digest> chain) {
  std::vector<MergedTree::Source> sources;
  for (const records::Layer& layer : TRY(impl_->lookup(chain))) sources.push_back(TRY(impl_->source_of(layer)));
  return MergedTree(std::move(sources), false);
}

Result<MergedTree> Layers::own_tree(const oci::Digest& chain_id) {
  const records::Layer layer = TRY(impl_->lookup(std::span(&chain_id, 1))).front();
  std::vector<MergedTree::Source> sources;
  sources.push_back(TRY(impl_->source_of(layer)));
  return MergedTree(std::move(sources), true);
}

}  // namespace strata::layers
