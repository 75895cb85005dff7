// Which containers need which images, as images/ wants to know it.
#pragma once

#include "engine/engine.h"
#include "images/images.h"

namespace strata::engine {

images::ImageUses image_uses(Engine& engine);

}  // namespace strata::engine
