// The Authorization header for each request: Basic, or Docker's bearer tokens, or nothing.
// https://distribution.github.io/distribution/spec/auth/token/ and …/oauth/
//
// A registry says with its first 401 what it wants; that is remembered per host, and tokens per
// host and scope until shortly before they expire. Thread-safe; while one thread fetches a token
// the others that need one wait.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fetch/client.h"
#include "registry/challenge.h"
#include "registry/credentials.h"
#include "registry/endpoint.h"

namespace strata::registry {

// "repository:library/nginx:pull", one per repository that a request touches.
using Scopes = std::vector<std::string>;

class Authorizer {
 public:
  using Perform = std::function<Result<fetch::Response>(const fetch::Request&)>;

  // `perform` does HTTP (with its own retries); both references outlive the Authorizer.
  Authorizer(const Settings& settings, Perform perform) : settings_(settings), perform_(std::move(perform)) {}

  // The header's value for a request, as far as is known without asking; "" for none.
  // Errors: the token server's refusal.
  Result<std::string> header_for(const Endpoint& endpoint, const Scopes& scopes);

  // After a 401 to a request that carried `sent`: the value to try instead, or nullopt when there
  // is none better (the credentials are not good for this).
  Result<std::optional<std::string>> answer(const Endpoint& endpoint, const fetch::Response& unauthorized,
                                            const Scopes& scopes, std::string_view sent);

  // Uses these for a registry instead of the file's.
  void set_credentials(std::string_view domain, const Credentials& credentials);
  // A refresh token that a token server gave along, asked for by login; "" when there was none.
  std::string identity_token_of(std::string_view domain);

 private:
  struct Token {
    std::string value;
    std::chrono::steady_clock::time_point expires;
  };

  Result<std::string> value_for(const Endpoint& endpoint, const Challenge& challenge, const Scopes& scopes);
  Result<Token> fetch_token(const Endpoint& endpoint, const Challenge& challenge, const Scopes& scopes,
                            const Credentials& credentials);
  Result<Credentials> credentials_for(const Endpoint& endpoint);

  const Settings& settings_;
  Perform perform_;
  std::mutex mutex_;
  std::map<std::string, Challenge> challenges_;         // by host
  std::map<std::string, Token> tokens_;                 // by host and scopes
  std::map<std::string, Credentials> credentials_;      // by domain
  std::map<std::string, std::string> identity_tokens_;  // by domain
  bool login_ = false;
};

}  // namespace strata::registry
