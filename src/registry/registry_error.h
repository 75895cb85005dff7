// What a registry's refusal means, in Docker's words.
// https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "fetch/client.h"

namespace strata::registry {

// The first error of the body, else what the status says.
struct RegistryError {
  std::string code;     // "MANIFEST_UNKNOWN", or ""
  std::string message;  // "manifest unknown", "denied: requested access to the resource is denied", …
};
RegistryError parse_registry_error(int status, std::string_view body);

// The Error for a response that is no success, or did not come whole: the kind from status and
// failure, the text from the body. `host` is named where the body does not explain itself.
Error to_error(const fetch::Response& response, std::string_view host);

// Whether the same request may succeed a little later: broken connections, 408, 429, 5xx.
bool is_passing(const fetch::Response& response);

}  // namespace strata::registry
