// Pushing: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push
#include <sys/stat.h>

#include "base/strings.h"
#include "registry/client_impl.h"
#include "registry/registry_error.h"
#include "sys/file.h"

namespace strata::registry {
namespace {

Error push_error(const fetch::Response& response, const Endpoint& endpoint) {
  Error error = to_error(response, endpoint.host);
  if (response.failure == fetch::Failure::kNone && response.status == 401)
    return Error(error.kind(), error.message() + " (see 'strata login')");
  return error;
}

// An upload's Location, absolute or not; where it names the registry itself under another scheme (a
// proxy that ends TLS in front of it does that), ours is right.
Result<std::string> upload_location(const fetch::Response& response, const Endpoint& endpoint) {
  const std::string location(response.header("location"));
  const std::string own_base = response.url.substr(0, response.url.find('/', response.url.find("://") + 3));
  if (location.starts_with('/')) return own_base + location;
  for (const std::string_view scheme : {"http://", "https://"})
    if (location.starts_with(scheme)) {
      const std::string_view rest = std::string_view(location).substr(scheme.size());
      if (own_base.ends_with("//" + std::string(rest.substr(0, rest.find('/')))))
        return own_base + std::string(rest.substr(std::min(rest.find('/'), rest.size())));
      return location;
    }
  return error(ErrorKind::kUnavailable, "{} accepts an upload without saying where to", endpoint.host);
}

std::string with_digest(std::string location, const oci::Digest& digest) {
  location += location.find('?') == std::string::npos ? '?' : '&';
  return location + "digest=sha256%3A" + digest.hex();
}

std::function<void(std::uint64_t)> shared_progress(Client::Progress& progress) {
  if (!progress) return nullptr;
  return [&progress](std::uint64_t bytes) { progress(bytes); };
}

}  // namespace

Result<std::string> Client::Impl::start_upload(const Endpoint& endpoint, const oci::Reference& repository) {
  Call call;
  call.method = "POST";
  call.path = repository_path(repository, "blobs/uploads/");
  call.scopes = push_scope(repository);
  const fetch::Response response = TRY(session.perform(endpoint, call));
  if (response.status != 202) return push_error(response, endpoint);
  return upload_location(response, endpoint);
}

void Client::Impl::abandon_upload(const Endpoint& endpoint, const oci::Reference& repository,
                                  const std::string& location) {
  Call call;
  call.method = "DELETE";
  call.path = location;
  call.scopes = push_scope(repository);
  (void)session.perform_once(endpoint, call);  // the registry drops it itself some day
}

Result<bool> Client::has_blob(const oci::Reference& repository, const oci::Digest& digest) {
  const Endpoint endpoint = TRY(impl_->origin(repository.domain()));
  Call call;
  call.method = "HEAD";
  call.path = repository_path(repository, "blobs/" + digest.to_string());
  call.scopes = push_scope(repository);
  const fetch::Response response = TRY(impl_->session.perform(endpoint, call));
  if (response.status == 404) return false;
  if (!response.success()) return push_error(response, endpoint);
  return true;
}

Result<bool> Client::mount_blob(const oci::Reference& repository, const oci::Digest& digest,
                                const oci::Reference& from) {
  if (repository.domain() != from.domain() || repository.path() == from.path()) return false;
  const Endpoint endpoint = TRY(impl_->origin(repository.domain()));
  Call call;
  call.method = "POST";
  call.path = repository_path(repository, "blobs/uploads/?mount=sha256%3A" + digest.hex() + "&from=" + from.path());
  call.scopes = push_scope(repository);
  call.scopes.push_back(pull_scope(from)[0]);
  const fetch::Response response = TRY(impl_->session.perform(endpoint, call));
  if (response.status == 201) return true;
  if (response.status == 202)
    if (const auto location = upload_location(response, endpoint))
      impl_->abandon_upload(endpoint, repository, *location);
  return false;
}

Result<> Client::push_blob(const oci::Reference& repository, const oci::Descriptor& blob, int source,
                           Progress progress) {
  const Endpoint endpoint = TRY(impl_->origin(repository.domain()));
  const auto status = TRY(sys::stat_fd(source));
  const bool repeatable = S_ISREG(status.st_mode);
  for (int attempt = 0;; ++attempt) {
    const std::string location = TRY(impl_->start_upload(endpoint, repository));
    Call call;
    call.method = "PUT";
    call.path = with_digest(location, blob.digest);
    call.headers = {{"Content-Type", "application/octet-stream"}};
    call.scopes = push_scope(repository);
    call.upload = source;
    call.upload_size = blob.size;
    call.repeatable = repeatable;
    call.on_progress = shared_progress(progress);
    const fetch::Response response = TRY(impl_->session.perform_once(endpoint, call));
    if (response.success()) return {};
    if (repeatable && impl_->session.may_repeat(attempt, response)) continue;
    impl_->abandon_upload(endpoint, repository, location);
    return push_error(response, endpoint).with_context("blob " + blob.digest.to_string());
  }
}

Result<> Client::push_blob_stream(const oci::Reference& repository, int source,
                                  std::move_only_function<Result<oci::Digest>()> describe, Progress progress) {
  const Endpoint endpoint = TRY(impl_->origin(repository.domain()));
  std::string location = TRY(impl_->start_upload(endpoint, repository));
  Call call;
  call.method = "PATCH";
  call.path = location;
  call.headers = {{"Content-Type", "application/octet-stream"}};
  call.scopes = push_scope(repository);
  call.upload = source;
  call.repeatable = false;
  call.on_progress = shared_progress(progress);
  const fetch::Response sent = TRY(impl_->session.perform_once(endpoint, call));
  auto digest = describe();
  if (!sent.success() || !digest) {
    impl_->abandon_upload(endpoint, repository, location);
    return digest ? push_error(sent, endpoint) : std::move(digest).take_error();
  }
  if (!sent.header("location").empty()) location = TRY(upload_location(sent, endpoint));

  Call commit;
  commit.method = "PUT";
  commit.path = with_digest(location, *digest);
  commit.scopes = push_scope(repository);
  const fetch::Response response = TRY(impl_->session.perform(endpoint, commit));
  if (!response.success()) return push_error(response, endpoint).with_context("blob " + digest->to_string());
  return {};
}

Result<oci::Digest> Client::put_manifest(const oci::Reference& reference, std::string_view bytes,
                                         std::string_view media_type) {
  const Endpoint endpoint = TRY(impl_->origin(reference.domain()));
  const oci::Digest digest = oci::Digest::of(bytes);
  Call call;
  call.method = "PUT";
  call.path = repository_path(reference, "manifests/" + reference.tag.value_or(digest.to_string()));
  call.headers = {{"Content-Type", std::string(media_type)}};
  call.scopes = push_scope(reference);
  call.body = bytes;
  const fetch::Response response = TRY(impl_->session.perform(endpoint, call));
  if (!response.success()) return push_error(response, endpoint).with_context("manifest of " + reference.familiar());
  const auto stored = oci::Digest::parse(response.header("docker-content-digest"));
  if (stored && *stored != digest)
    return error(ErrorKind::kCorrupt, "manifest of {}: {} stored it as {} instead of {}", reference.familiar(),
                 endpoint.host, stored->to_string(), digest.to_string());
  return digest;
}

}  // namespace strata::registry
