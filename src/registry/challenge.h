// The WWW-Authenticate header: what a registry wants before it answers (RFC 9110, 11.6.1).
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "fetch/protocol.h"

namespace strata::registry {

struct Challenge {
  bool bearer = false;  // else Basic
  std::string realm;    // Bearer: the URL that gives tokens
  std::string service;
  std::string scope;
  std::string error;  // e.g. "insufficient_scope"
};

// The one we can answer, Bearer before Basic; several headers, and several challenges in one, are
// understood. A Bearer without a realm is none.
std::optional<Challenge> parse_challenge(const fetch::Headers& headers);

}  // namespace strata::registry
