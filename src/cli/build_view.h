// How a build is shown, on standard error: as plain lines that stay (BuildKit's --progress=plain), as a live
// list on a terminal, or not at all but for what fails.
#pragma once

#include <memory>

#include "build/progress.h"

namespace strata::cli {

enum class BuildViewKind { kPlain, kLive, kQuiet };

std::unique_ptr<build::Progress> make_build_view(BuildViewKind kind);

}  // namespace strata::cli
