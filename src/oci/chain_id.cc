#include "oci/chain_id.h"

namespace strata::oci {

Digest chain_id(const Digest& parent_chain_id, const Digest& diff_id) {
  return Digest::of(parent_chain_id.to_string() + " " + diff_id.to_string());
}

std::vector<Digest> chain_ids(std::span<const Digest> diff_ids) {
  std::vector<Digest> chain;
  chain.reserve(diff_ids.size());
  for (const Digest& diff_id : diff_ids) chain.push_back(chain.empty() ? diff_id : chain_id(chain.back(), diff_id));
  return chain;
}

}  // namespace strata::oci
