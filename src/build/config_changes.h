// --change of `commit` and `import`: instructions of a Dockerfile applied to an image config.
#pragma once

#include <span>
#include <string>

#include "base/result.h"
#include "oci/image_config.h"

namespace strata::build {

// Each an instruction: CMD, ENTRYPOINT, ENV, EXPOSE, HEALTHCHECK, LABEL, ONBUILD, STOPSIGNAL, USER, VOLUME or
// WORKDIR, as docker allows. Nothing but config.config changes. Errors: kInvalidArgument in docker's words.
Result<> apply_changes(std::span<const std::string> changes, oci::ImageConfig& config);

}  // namespace strata::build
