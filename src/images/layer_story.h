// What an image's layers are called when they are explained: the instruction that made each.
#pragma once

#include <string>
#include <vector>

#include "images/image.h"

namespace strata::images {

// One for each layer, bottom first; "" where the config does not tell. "/bin/sh -c #(nop) COPY x"
// is "COPY x", "/bin/sh -c apt-get update" is "RUN apt-get update". Foreign text.
std::vector<std::string> instructions_of(const Image& image);

}  // namespace strata::images
