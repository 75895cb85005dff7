// The inside of registry::Client, shared by the files that implement it. No other includes this.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "registry/client.h"
#include "registry/session.h"

namespace strata::registry {

using Endpoints = std::shared_ptr<const std::vector<Endpoint>>;

class Client::Impl {
 public:
  explicit Impl(const Settings& given) : settings(given), session(settings) {}

  // Mirrors first, the registry itself last. Read once per domain.
  Result<Endpoints> sources(const std::string& domain);
  Result<Endpoint> origin(const std::string& domain);

  // One source's answer.
  Result<Fetched> manifest_from(const Endpoint& endpoint, const oci::Reference& reference);
  Result<oci::Descriptor> resolve_at(const Endpoint& endpoint, const oci::Reference& reference);

  Result<std::vector<std::string>> tags_from(const Endpoint& endpoint, const oci::Reference& repository);

  Result<std::string> start_upload(const Endpoint& endpoint, const oci::Reference& repository);
  void abandon_upload(const Endpoint& endpoint, const oci::Reference& repository, const std::string& location);

  const Settings settings;
  Session session;

 private:
  std::mutex mutex_;
  std::map<std::string, Endpoints> sources_;
};

// "/v2/library/nginx/blobs/"
std::string repository_path(const oci::Reference& repository, std::string_view rest);
Scopes pull_scope(const oci::Reference& repository);
Scopes push_scope(const oci::Reference& repository);

// The error of the last source (the registry itself), with those of the mirrors behind it.
Error combined(const std::vector<Endpoint>& sources, std::vector<Error> errors);

// The first success of `attempt(endpoint)` over the sources; else all their errors, combined.
template <class F>
auto from_first(Session& session, const std::vector<Endpoint>& sources, F attempt) -> decltype(attempt(sources[0])) {
  std::vector<Error> errors;
  for (const Endpoint& endpoint : sources) {
    if (session.is_out_of_reach(endpoint)) {
      errors.emplace_back(ErrorKind::kUnavailable, "cannot be reached");
      continue;
    }
    auto result = attempt(endpoint);
    if (result) return result;
    errors.push_back(std::move(result).take_error());
  }
  return combined(sources, std::move(errors));
}

// Begins a blob's download from the first source that has it.
Result<Download> start_download(Session& session, Endpoints sources, const oci::Reference& repository,
                                const oci::Descriptor& blob, std::uint64_t offset);

}  // namespace strata::registry
