// Which containers need which images, as images/ wants to know it.
#pragma once

#include "engine/engine.h"
#include "images/images.h"

namespace strata::cli {

images::ImageUses image_uses(engine::Engine& engine);

}  // namespace strata::cli
