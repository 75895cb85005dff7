// What a prune is asked to spare. Values only.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"

namespace strata::images {

struct PruneFilter {
  std::optional<Timestamp> until;         // only what was created before
  std::vector<std::string> labels;        // "KEY" or "KEY=VALUE": only what has all of them
  std::vector<std::string> other_labels;  // only what has none of them

  bool empty() const { return !until && labels.empty() && other_labels.empty(); }
  bool matches(Timestamp created, const std::map<std::string, std::string>& have) const;
};

}  // namespace strata::images
