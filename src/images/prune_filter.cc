#include "images/prune_filter.h"

#include <algorithm>

namespace strata::images {

bool PruneFilter::matches(Timestamp created, const std::map<std::string, std::string>& have) const {
  const auto has = [&](const std::string& wanted) {
    const auto equals = wanted.find('=');
    const auto found = have.find(wanted.substr(0, equals));
    return found != have.end() && (equals == std::string::npos || found->second == wanted.substr(equals + 1));
  };
  if (until && created >= *until) return false;
  return std::ranges::all_of(labels, has) && std::ranges::none_of(other_labels, has);
}

}  // namespace strata::images
