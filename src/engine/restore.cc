#include "engine/restore.h"

#include "images/restore.h"
#include "layers/layers.h"

namespace strata::engine {

Result<> restore(Engine& engine, const images::Image& image, const std::function<void(const std::string&)>& note,
                 bool go_on) {
  return images::restore(engine.images(), image, [&] { return engine.registry(); },
                         {.max_layer_size = engine.settings().max_layer_size, .note = note, .go_on = go_on});
}

}  // namespace strata::engine
