// An image whose layers were lost (a power loss, a bad disk, a careless hand) is made whole again before it is
// used: what was pulled is fetched again, what was made here is named.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "engine/engine.h"
#include "images/image.h"

namespace strata::engine {

// Nothing to do, nearly always: a few microseconds a layer. `note` is given a line for the user when something
// has to be fetched. Errors: kCorrupt, naming the layer and the image, when a layer cannot be had.
// With `go_on` all that can be had is fetched nevertheless.
Result<> restore(Engine& engine, const images::Image& image, const std::function<void(const std::string&)>& note,
                 bool go_on = false);

}  // namespace strata::engine
