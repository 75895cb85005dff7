// Listing tags: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#listing-tags
#include "base/json.h"
#include "base/strings.h"
#include "registry/client_impl.h"
#include "registry/registry_error.h"

namespace strata::registry {
namespace {

constexpr std::size_t kMaxTags = 100'000;

// Where a Link header says that the next page is, as a path; "" when there is none, or elsewhere.
std::string next_page(std::string_view link) {
  const std::size_t open = link.find('<'), close = link.find('>');
  if (open == std::string_view::npos || close == std::string_view::npos || close < open) return "";
  if (link.substr(close).find("next") == std::string_view::npos) return "";
  std::string_view target = link.substr(open + 1, close - open - 1);
  if (const std::size_t scheme = target.find("://"); scheme != std::string_view::npos) {
    const std::size_t path = target.find('/', scheme + 3);
    target = path == std::string_view::npos ? "" : target.substr(path);
  }
  return target.starts_with("/v2/") ? std::string(target) : "";
}

}  // namespace

Result<std::vector<std::string>> Client::Impl::tags_from(const Endpoint& endpoint, const oci::Reference& repository) {
  std::vector<std::string> tags;
  Call call;
  call.path = repository_path(repository, "tags/list");
  call.scopes = pull_scope(repository);
  call.max_body = 4 << 20;
  while (true) {
    const fetch::Response response = TRY(session.perform(endpoint, call));
    if (!response.success()) return to_error(response, endpoint.host).with_context(repository.familiar_name());
    const json page = TRY(parse_json(response.body), "tags of {}", repository.familiar_name());
    const std::size_t before = tags.size();
    for (std::string& tag : TRY(strings_member(page, "tags"))) tags.push_back(std::move(tag));
    if (tags.size() > kMaxTags)
      return error(ErrorKind::kResourceExhausted, "{} has more than {} tags", repository.familiar_name(), kMaxTags);
    call.path = next_page(response.header("link"));
    // A page that brings nothing would go on for ever.
    if (call.path.empty() || tags.size() == before) return tags;
  }
}

Result<std::vector<std::string>> Client::tags(const oci::Reference& repository) {
  const Endpoints sources = TRY(impl_->sources(repository.domain()));
  return from_first(impl_->session, *sources,
                    [&](const Endpoint& endpoint) { return impl_->tags_from(endpoint, repository); });
}

}  // namespace strata::registry
