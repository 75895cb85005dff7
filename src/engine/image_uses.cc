#include "engine/image_uses.h"

#include "containers/containers.h"

namespace strata::engine {

images::ImageUses image_uses(Engine& engine) {
  return [&engine]() -> Result<std::vector<images::ImageUse>> {
    std::vector<images::ImageUse> uses;
    for (const auto& use : TRY(engine.containers().image_uses()))
      uses.push_back({use.container_id, use.image_id, use.running});
    return uses;
  };
}

}  // namespace strata::engine
