// Names in the runtime specification's JSON that reading and writing share.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "oci/runtime_spec.h"

namespace strata::oci {

inline constexpr std::array<std::pair<std::string_view, NamespaceType>, 8> kNamespaceNames = {{
    {"pid", NamespaceType::kPid},
    {"network", NamespaceType::kNetwork},
    {"mount", NamespaceType::kMount},
    {"ipc", NamespaceType::kIpc},
    {"uts", NamespaceType::kUts},
    {"user", NamespaceType::kUser},
    {"cgroup", NamespaceType::kCgroup},
    {"time", NamespaceType::kTime},
}};

}  // namespace strata::oci
