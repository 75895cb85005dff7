// Questions about URLs, answered by libcurl's own parser, so that what we judge is what will be
// asked.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace strata::fetch {

// http or https with a host, and without user or password in it.
bool is_plain_web_url(const std::string& url);

// "host" or "host:port" as the URL has it: what an error may say of it.
std::string host_and_port(const std::string& url);

// Scheme, host and port (defaults filled in) are the same.
bool same_origin(const std::string& a, const std::string& b);

// localhost, 127.0.0.0/8, ::1.
bool is_loopback_url(const std::string& url);

// Where a Location header leads from `base`; user and password in it are dropped. nullopt when that
// is no http or https URL.
std::optional<std::string> resolve_redirect(const std::string& base, std::string_view location);

}  // namespace strata::fetch
