// What was asked for and what the image says become one Config, by docker's rules
// (github.com/moby/moby, daemon/internal/image/merge.go and container create's verification). Pure.
#pragma once

#include "base/result.h"
#include "containers/container.h"
#include "oci/image_config.h"

namespace strata::containers {

// Errors: kInvalidArgument in docker's words ("no command specified", …).
Result<Config> merge_config(Config asked, const oci::ContainerConfig& image);

// The names of capabilities that a container gets, as "CAP_X", sorted by number: docker's default set, changed
// by --cap-add and --cap-drop ("ALL", any case, with or without CAP_). Errors: kInvalidArgument naming the
// unknown one.
Result<std::vector<std::string>> effective_capabilities(const Config& config);

}  // namespace strata::containers
