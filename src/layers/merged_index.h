// Several layers that lie on each other as one tree: an index whose data lies in all their tars. A lookup in it costs
// the same whatever their number, where overlayfs asks one layer after the other (3.7 µs against 574 with 500
// layers), and overlayfs takes no more than 500.
//
// Derived from the layers' own indexes alone, without a look at the tars, by our own process: what it reads
// was written by us, and is checked all the same (codec/erofs_reader.h).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "layers/index.h"
#include "layers/merged_tree.h"

namespace strata::layers {

struct MergedLimits {
  std::uint64_t max_entries = 8'000'000;
};

struct MergedIndexInfo : IndexInfo {
  // The devices are the tars, bottom first, and behind them the indexes of these layers, which hold pieces of
  // sparse files.
  std::vector<std::uint32_t> indexes;
};

// `sources` bottom first. with_whiteouts: they lie on further layers, and what they hide of those is kept.
// `index`: an empty file, open for writing. Errors: kResourceExhausted when it cannot be one index (more than 2 TiB
// of tars, or entries beyond the limit); those of MergedTree.
Result<MergedIndexInfo> write_merged_index(const std::vector<MergedTree::Source>& sources, bool with_whiteouts,
                                           std::string_view key, int index, const MergedLimits& limits = {});

}  // namespace strata::layers
