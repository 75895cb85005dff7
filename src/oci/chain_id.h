// A chain ID names a layer together with everything below it.
// https://github.com/opencontainers/image-spec/blob/main/config.md#layer-chainid
#pragma once

#include <span>
#include <vector>

#include "oci/digest.h"

namespace strata::oci {

// chain_ids(d)[i] names the layers d[0] … d[i]; the first is its diff ID itself.
std::vector<Digest> chain_ids(std::span<const Digest> diff_ids);
Digest chain_id(const Digest& parent_chain_id, const Digest& diff_id);

}  // namespace strata::oci
