// Where a registry's domain leads: its mirrors and itself, each with the schemes to try and its
// certificates.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fetch/client.h"
#include "registry/settings.h"

namespace strata::registry {

struct Endpoint {
  std::string domain;                // for credentials and for people: "docker.io", "mirror.lan:5000"
  std::string host;                  // that is asked: "registry-1.docker.io"
  std::string prefix;                // path in front of /v2/, "" or "/hub"
  std::vector<std::string> schemes;  // to be tried in this order: "https", "http"
  fetch::Tls tls;
  bool is_mirror = false;

  // "https://registry-1.docker.io", without the prefix.
  std::string base(std::string_view scheme) const { return std::string(scheme) + "://" + host; }
};

// localhost, 127.0.0.0/8 and ::1, with or without port.
bool is_loopback(std::string_view host);

// The registry itself. Errors: unreadable certificates.
Result<Endpoint> origin_of(const Settings& settings, std::string_view domain);
// Its mirrors, in order. Errors: a mirror in the settings that is no host or http(s) URL.
Result<std::vector<Endpoint>> mirrors_of(const Settings& settings, std::string_view domain);
// What the settings say of TLS to a host (a token server's, too).
Result<fetch::Tls> tls_of(const Settings& settings, std::string_view host);

}  // namespace strata::registry
