// What the verbs that take "CONTAINER [CONTAINER...]" have in common.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cli/command.h"
#include "containers/containers.h"

namespace strata::cli {

// Opens the engine, sweeps, and calls `work` for each container; on success the name as it was typed is
// printed at once (unless `print` is false). A failure does not keep the others from their turn: the errors
// come back together, a line each, with the first one's kind.
Result<int> each_container(Context& context, const std::vector<std::string>& names, bool print,
                           const std::function<Result<>(containers::Containers&, const containers::Container&)>& work);

}  // namespace strata::cli
