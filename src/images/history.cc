#include <algorithm>

#include "images/images.h"
#include "layers/layers.h"

namespace strata::images {

Result<std::vector<HistoryLine>> history(Images& images, const Image& image) {
  std::vector<HistoryLine> lines;
  std::size_t next_layer = 0;
  const auto take_layer = [&]() -> Result<std::uint64_t> {
    if (next_layer >= image.chain_ids.size()) return 0;
    const auto layer = TRY(images.layers().find(image.chain_ids[next_layer++]));
    return layer ? layer->tar_size : 0;
  };
  for (const oci::History& entry : image.config.history) {
    HistoryLine& line = lines.emplace_back();
    line.created = entry.created;
    line.created_by = entry.created_by;
    line.comment = entry.comment;
    if (!entry.empty_layer) line.size = TRY(take_layer());
  }
  // Configs may tell of fewer layers than there are.
  while (next_layer < image.chain_ids.size()) lines.emplace_back().size = TRY(take_layer());
  std::ranges::reverse(lines);
  if (!lines.empty()) lines.front().image = image.id;
  return lines;
}

}  // namespace strata::images
