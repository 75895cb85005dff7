#include "registry/authorizer.h"

#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "registry/base64.h"
#include "registry/registry_error.h"

namespace strata::registry {
namespace {

constexpr std::size_t kMaxTokenAnswer = 256 << 10;
constexpr auto kDefaultLifetime = std::chrono::seconds(60);  // when the server names none, by the protocol
constexpr auto kMargin = std::chrono::seconds(10);

std::string url_encode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       std::string_view("-._~").find(c) != std::string_view::npos;
    if (plain)
      encoded += c;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return encoded;
}

std::string basic(const Credentials& credentials) {
  return "Basic " + to_base64(credentials.username + ":" + credentials.password);
}

// "https://auth.docker.io/token" to "auth.docker.io".
std::string host_of_url(std::string_view url) {
  const std::size_t start = url.find("://");
  if (start == std::string_view::npos) return "";
  url.remove_prefix(start + 3);
  return std::string(url.substr(0, url.find_first_of("/?#")));
}

std::string token_key(const Endpoint& endpoint, const Scopes& scopes) {
  return endpoint.host + " " + join(scopes, " ");
}

std::string form(const std::vector<std::pair<std::string, std::string>>& fields) {
  std::string text;
  for (const auto& [name, value] : fields) text += (text.empty() ? "" : "&") + name + "=" + url_encode(value);
  return text;
}

}  // namespace

void Authorizer::set_credentials(std::string_view domain, const Credentials& credentials) {
  const std::lock_guard lock(mutex_);
  credentials_[std::string(domain)] = credentials;
  login_ = true;
}

std::string Authorizer::identity_token_of(std::string_view domain) {
  const std::lock_guard lock(mutex_);
  return identity_tokens_[std::string(domain)];
}

Result<Credentials> Authorizer::credentials_for(const Endpoint& endpoint) {
  if (const auto known = credentials_.find(endpoint.domain); known != credentials_.end()) return known->second;
  auto found = CredentialFile(settings_.docker_config).get(endpoint.domain);
  // A helper that is not installed here makes the user anonymous, as with docker.
  if (!found && found.error().kind() != ErrorKind::kNotFound) return std::move(found).take_error();
  return credentials_[endpoint.domain] = found ? *found : Credentials{};
}

Result<std::string> Authorizer::header_for(const Endpoint& endpoint, const Scopes& scopes) {
  const std::lock_guard lock(mutex_);
  const auto challenge = challenges_.find(endpoint.host);
  if (challenge == challenges_.end()) return "";
  return value_for(endpoint, challenge->second, scopes);
}

Result<std::optional<std::string>> Authorizer::answer(const Endpoint& endpoint, const fetch::Response& unauthorized,
                                                      const Scopes& scopes, std::string_view sent) {
  const auto challenge = parse_challenge(unauthorized.headers);
  if (!challenge) return std::optional<std::string>();
  const std::lock_guard lock(mutex_);
  challenges_[endpoint.host] = *challenge;
  const auto token = tokens_.find(token_key(endpoint, scopes));
  if (token != tokens_.end() && "Bearer " + token->second.value == sent) tokens_.erase(token);
  std::string value = TRY(value_for(endpoint, *challenge, scopes));
  if (value.empty() || value == sent) return std::optional<std::string>();
  return std::optional(std::move(value));
}

Result<std::string> Authorizer::value_for(const Endpoint& endpoint, const Challenge& challenge, const Scopes& scopes) {
  const Credentials credentials = TRY(credentials_for(endpoint));
  if (!challenge.bearer) return credentials.username.empty() ? std::string() : basic(credentials);
  if (!credentials.registry_token.empty()) return "Bearer " + credentials.registry_token;
  Scopes wanted = scopes;
  for (const std::string_view scope : split(challenge.scope, ' '))
    if (!scope.empty() && wanted.empty()) wanted.emplace_back(scope);
  const std::string key = token_key(endpoint, scopes);
  const auto now = std::chrono::steady_clock::now();
  if (const auto known = tokens_.find(key); known != tokens_.end() && known->second.expires > now)
    return "Bearer " + known->second.value;
  Token token = TRY(fetch_token(endpoint, challenge, wanted, credentials));
  return "Bearer " + (tokens_[key] = std::move(token)).value;
}

Result<Authorizer::Token> Authorizer::fetch_token(const Endpoint& endpoint, const Challenge& challenge,
                                                  const Scopes& scopes, const Credentials& credentials) {
  const std::string host = host_of_url(challenge.realm);
  const bool https = challenge.realm.starts_with("https://");
  if (host.empty() || (!https && !challenge.realm.starts_with("http://")))
    return error(ErrorKind::kUnavailable, "{} names no usable token server", endpoint.host);
  const bool plain_allowed = std::ranges::find(endpoint.schemes, "http") != endpoint.schemes.end();
  if (!https && !plain_allowed && !is_loopback(host))
    return error(ErrorKind::kUnavailable, "{} names a token server without TLS ({}), which is refused", endpoint.host,
                 printable(host));
  fetch::Request request;
  request.tls = TRY(tls_of(settings_, host));
  request.max_body = kMaxTokenAnswer;
  std::vector<std::pair<std::string, std::string>> fields;
  if (!challenge.service.empty()) fields.emplace_back("service", challenge.service);
  if (!credentials.identity_token.empty()) {
    fields.insert(
        fields.end(),
        {{"grant_type", "refresh_token"}, {"refresh_token", credentials.identity_token}, {"client_id", "strata"}});
    if (!scopes.empty()) fields.emplace_back("scope", join(scopes, " "));
    request.method = "POST";
    request.url = challenge.realm;
    request.headers.emplace_back("Content-Type", "application/x-www-form-urlencoded");
    request.body = form(fields);
  } else {
    for (const std::string& scope : scopes) fields.emplace_back("scope", scope);
    if (!credentials.username.empty()) {
      fields.emplace_back("account", credentials.username);
      request.headers.emplace_back("Authorization", basic(credentials));
    }
    if (login_) fields.insert(fields.end(), {{"offline_token", "true"}, {"client_id", "strata"}});
    request.url = challenge.realm + (challenge.realm.find('?') == std::string::npos ? "?" : "&") + form(fields);
  }
  const fetch::Response response = TRY(perform_(request), "token server {}", printable(host));
  if (!response.success())
    return to_error(response, host).with_context(fmt::format("token server {}", printable(host)));

  const json answer = TRY(parse_json(response.body), "answer of token server {}", printable(host));
  Token token;
  token.value = TRY(string_member(answer, "token"), "answer of token server {}", printable(host));
  if (token.value.empty()) token.value = TRY(string_member(answer, "access_token"));
  if (token.value.empty() || token.value.find_first_of("\r\n") != std::string::npos)
    return error(ErrorKind::kUnavailable, "token server {} gave no token", printable(host));
  const auto lifetime =
      std::chrono::seconds(std::clamp<std::int64_t>(int_member(answer, "expires_in").value_or(0), 0, 86'400));
  token.expires =
      std::chrono::steady_clock::now() + std::max(lifetime, std::chrono::seconds(kDefaultLifetime)) - kMargin;
  if (login_) identity_tokens_[endpoint.domain] = string_member(answer, "refresh_token").value_or("");
  return token;
}

}  // namespace strata::registry
