// A token server as Docker Hub's: GET with Basic or nobody, POST with a refresh token, answers with
// JWTs that docker-registry's `auth: token` accepts (RS256, the certificate in x5c).
// https://distribution.github.io/distribution/spec/auth/jwt/
#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <vector>

#include "tests/servers/http_server.h"

namespace strata::test {

class TokenServer {
 public:
  struct Options {
    std::string certificate,
        key;  // PEM files that sign; docker-registry's rootcertbundle holds the same
    std::string user = "alice", password = "wonderland";
    std::string refresh_token = "refresh-me";
    bool anonymous_pull = false;
    int expires_in = 300;
    int port = 0;
  };
  explicit TokenServer(Options options);

  std::string realm() const { return "http://" + server_.host() + "/token"; }
  static constexpr const char* kService = "test-registry";
  static constexpr const char* kIssuer = "test-issuer";
  // Requests so far: method and target, never bodies.
  std::vector<std::string> requests() const;

 private:
  HttpResponse answer(const HttpRequest& request);
  std::string sign(const std::string& claims) const;

  Options options_;
  mutable std::mutex mutex_;
  std::vector<std::string> requests_;
  HttpServer server_;
};

}  // namespace strata::test
