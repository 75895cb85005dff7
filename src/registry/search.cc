// The search of version 1 of the registry protocol, the only one there is; Docker Hub keeps it
// alive. https://docs.docker.com/reference/cli/docker/search/
#include "base/json_fields.h"
#include "oci/reference.h"
#include "registry/client_impl.h"
#include "registry/registry_error.h"

namespace strata::registry {
namespace {

constexpr std::string_view kHubIndex = "index.docker.io";

std::string percent_encoded(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    if (plain)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

void read_found(JsonFields& in, FoundRepository& found) {
  in("name", found.name)("description", found.description)("star_count", found.stars);
  in("is_official", found.official)("is_automated", found.automated);
}

Error no_search(std::string_view host, std::string_view why) {
  return error(ErrorKind::kUnsupported, "registry {} has no search: {}", host, why);
}

}  // namespace

Result<std::vector<FoundRepository>> Client::search(const std::string& registry, std::string_view term, int limit) {
  Endpoint endpoint = TRY(impl_->origin(registry));
  if (registry == oci::kDockerHub) {
    endpoint.host = kHubIndex;
    endpoint.tls = TRY(tls_of(impl_->settings, endpoint.host));
  }
  Call call;
  call.path = fmt::format("/v1/search?q={}&n={}", percent_encoded(term), limit);
  const fetch::Response response = TRY(impl_->session.perform(endpoint, call));
  if (response.status == 404 || response.status == 405)
    return no_search(endpoint.host, fmt::format("it answers {} to /v1/search", response.status));
  if (!response.success()) return to_error(response, endpoint.host);
  std::vector<FoundRepository> found;
  const Result<> read = read_json_object(response.body, [&](JsonFields& in) { in.list("results", found, read_found); });
  if (!read) return no_search(endpoint.host, "what it answers is none (" + read.error().message() + ")");
  if (found.size() > static_cast<std::size_t>(limit)) found.resize(static_cast<std::size_t>(limit));
  return found;
}

}  // namespace strata::registry
