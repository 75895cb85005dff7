// Runs a template's tree on data (go/src/text/template/exec.go). Inside the template engine only.
#pragma once

#include <string>

#include "base/result.h"
#include "cli/template/source.h"
#include "cli/template/template.h"
#include "cli/template/tree.h"
#include <nlohmann/json_fwd.hpp>

namespace strata::cli::templates {

inline constexpr std::size_t kMaxOutput = 64 << 20;  // bytes
inline constexpr std::size_t kMaxSteps = 2'000'000;  // commands and nodes that are run
inline constexpr std::size_t kMaxWork = 512 << 20;   // bytes that functions read and make
inline constexpr std::size_t kMaxCallDepth = 100;    // of {{template}}

Result<std::string> evaluate(const Source& source, const Tree& tree, const nlohmann::ordered_json& data,
                             const Template::Rules& rules);

}  // namespace strata::cli::templates
