#include "registry/client.h"

#include <cstdlib>

#include "base/strings.h"
#include "oci/manifest.h"
#include "registry/client_impl.h"
#include "registry/registry_error.h"
#include "sys/file.h"

namespace strata::registry {
namespace {

// All types that we read; schema 1 is not among them.
constexpr std::string_view kAccept =
    "application/vnd.oci.image.index.v1+json, "
    "application/vnd.docker.distribution.manifest.list.v2+json, "
    "application/vnd.oci.image.manifest.v1+json, "
    "application/vnd.docker.distribution.manifest.v2+json";

std::string manifest_path(const oci::Reference& reference) {
  const std::string name = reference.digest ? reference.digest->to_string() : reference.tag.value_or("latest");
  return repository_path(reference, "manifests/" + name);
}

Call manifest_call(const char* method, const oci::Reference& reference) {
  Call call;
  call.method = method;
  call.path = manifest_path(reference);
  call.headers = {{"Accept", std::string(kAccept)}};
  call.scopes = pull_scope(reference);
  call.max_body = oci::kMaxManifestSize;
  return call;
}

// In Docker's words, which say what to do.
Error pull_error(const fetch::Response& response, const Endpoint& endpoint, const oci::Reference& reference) {
  const RegistryError parsed = parse_registry_error(response.status, response.body);
  if (response.status == 401 || response.status == 403 || parsed.code == "DENIED" || parsed.code == "UNAUTHORIZED")
    return error(ErrorKind::kUnauthorized,
                 "pull access denied for {}, repository does not exist or may require 'strata login': {}",
                 reference.familiar_name(), parsed.message);
  if (parsed.code == "NAME_UNKNOWN")
    return error(ErrorKind::kNotFound, "repository {} not found: {}", reference.familiar_name(), parsed.message);
  if (response.status == 404) {
    const std::string text = parsed.code.empty() ? "manifest unknown" : parsed.message;
    return error(ErrorKind::kNotFound, "manifest for {} not found: {}", reference.familiar(), text);
  }
  return to_error(response, endpoint.host);
}

std::string content_type(const fetch::Response& response) {
  const std::string_view type = response.header("content-type");
  return std::string(trim(type.substr(0, type.find(';'))));
}

// What the registry says the digest is; empty when it says nothing that we understand.
oci::Digest announced_digest(const fetch::Response& response) {
  return oci::Digest::parse(response.header("docker-content-digest")).value_or(oci::Digest());
}

}  // namespace

std::string default_docker_config() {
  if (const char* directory = ::getenv("DOCKER_CONFIG"); directory != nullptr && *directory != '\0')
    return std::string(directory) + "/config.json";
  if (const char* home = ::getenv("HOME"); home != nullptr && *home != '\0')
    return std::string(home) + "/.docker/config.json";
  return "";
}

std::string repository_path(const oci::Reference& repository, std::string_view rest) {
  return "/v2/" + repository.path() + "/" + std::string(rest);
}
Scopes pull_scope(const oci::Reference& repository) { return {"repository:" + repository.path() + ":pull"}; }
Scopes push_scope(const oci::Reference& repository) { return {"repository:" + repository.path() + ":pull,push"}; }

Error combined(const std::vector<Endpoint>& sources, std::vector<Error> errors) {
  const Error& last = errors.back();
  std::string text = last.message();
  for (std::size_t i = 0; i + 1 < errors.size(); ++i)
    text += fmt::format("; mirror {}: {}", sources[i].host, errors[i].message());
  return Error(last.kind(), std::move(text), last.error_number());
}

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::open(const Settings& settings) {
  if (!sys::exists(settings.fetch_program))
    return error(ErrorKind::kNotFound, "the program {} is missing", settings.fetch_program);
  return std::unique_ptr<Client>(new Client(std::make_unique<Impl>(settings)));
}

Result<Endpoints> Client::Impl::sources(const std::string& domain) {
  const std::lock_guard lock(mutex_);
  Endpoints& known = sources_[domain];
  if (!known) {
    std::vector<Endpoint> endpoints = TRY(mirrors_of(settings, domain));
    endpoints.push_back(TRY(origin_of(settings, domain)));
    known = std::make_shared<const std::vector<Endpoint>>(std::move(endpoints));
  }
  return known;
}

Result<Endpoint> Client::Impl::origin(const std::string& domain) { return TRY(sources(domain))->back(); }

Result<Fetched> Client::Impl::manifest_from(const Endpoint& endpoint, const oci::Reference& reference) {
  const fetch::Response response = TRY(session.perform(endpoint, manifest_call("GET", reference)));
  if (!response.success()) return pull_error(response, endpoint, reference);
  Fetched fetched{response.body, content_type(response), oci::Digest::of(response.body), endpoint.domain};
  const oci::Digest promised = reference.digest ? *reference.digest : announced_digest(response);
  if (!promised.empty() && promised != fetched.digest)
    return error(ErrorKind::kCorrupt, "manifest for {}: {} sent bytes with digest {} for {}", reference.familiar(),
                 endpoint.host, fetched.digest.to_string(), promised.to_string());
  return fetched;
}

Result<Fetched> Client::get_manifest(const oci::Reference& reference) {
  const Endpoints sources = TRY(impl_->sources(reference.domain()));
  return from_first(impl_->session, *sources,
                    [&](const Endpoint& endpoint) { return impl_->manifest_from(endpoint, reference); });
}

Result<oci::Descriptor> Client::Impl::resolve_at(const Endpoint& endpoint, const oci::Reference& reference) {
  const fetch::Response response = TRY(session.perform(endpoint, manifest_call("HEAD", reference)));
  if (!response.success()) return pull_error(response, endpoint, reference);
  oci::Descriptor descriptor;
  descriptor.media_type = content_type(response);
  descriptor.digest = announced_digest(response);
  const auto size = parse_unsigned(response.header("content-length"));
  if (!descriptor.digest.empty() && size) {
    descriptor.size = *size;
    return descriptor;
  }
  // Not every registry says so much in its answer to HEAD.
  const Fetched fetched = TRY(manifest_from(endpoint, reference));
  return oci::Descriptor{.media_type = fetched.media_type, .digest = fetched.digest, .size = fetched.bytes.size()};
}

Result<oci::Descriptor> Client::resolve(const oci::Reference& reference) {
  const Endpoints sources = TRY(impl_->sources(reference.domain()));
  return from_first(impl_->session, *sources,
                    [&](const Endpoint& endpoint) { return impl_->resolve_at(endpoint, reference); });
}

Result<Download> Client::open_blob(const oci::Reference& repository, const oci::Descriptor& blob,
                                   std::uint64_t offset) {
  if (offset > blob.size)
    return error(ErrorKind::kInvalidArgument, "offset {} in a blob of {} bytes", offset, blob.size);
  return start_download(impl_->session, TRY(impl_->sources(repository.domain())), repository, blob, offset);
}

Result<std::string> Client::get_blob(const oci::Reference& repository, const oci::Descriptor& blob, std::size_t limit) {
  if (blob.size > limit)
    return error(ErrorKind::kResourceExhausted, "blob {} of {} bytes: the limit is {}", blob.digest.to_string(),
                 blob.size, limit);
  Download download = TRY(open_blob(repository, blob));
  auto bytes = sys::read_fd(download.fd(), limit);
  TRY(download.finish());
  if (!bytes) return std::move(bytes).take_error();
  const oci::Digest digest = oci::Digest::of(*bytes);
  if (digest != blob.digest)
    return error(ErrorKind::kCorrupt, "blob {}: the registry sent bytes with digest {}", blob.digest.to_string(),
                 digest.to_string());
  return bytes;
}

Result<Credentials> Client::check_login(std::string_view domain, const Credentials& credentials) {
  const Endpoint endpoint = TRY(impl_->origin(std::string(domain)));
  Authorizer& authorizer = impl_->session.authorizer();
  authorizer.set_credentials(endpoint.domain, credentials);
  Call call;
  call.path = "/v2/";
  const fetch::Response response = TRY(impl_->session.perform(endpoint, call));
  if (!response.success()) return to_error(response, endpoint.host);
  Credentials accepted = credentials;
  if (std::string token = authorizer.identity_token_of(endpoint.domain); !token.empty()) {
    accepted.identity_token = std::move(token);
    accepted.password.clear();
  }
  return accepted;
}

}  // namespace strata::registry
