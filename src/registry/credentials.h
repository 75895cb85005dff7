// Who the user is to a registry: ~/.docker/config.json, shared with docker, podman and skopeo.
// https://docs.docker.com/reference/cli/docker/login/ (credential stores and helpers)
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::registry {

// One entry of the file, or what the user typed.
struct Credentials {
  std::string username;
  std::string password;
  std::string identity_token;  // instead of a password: an OAuth2 refresh token
  std::string registry_token;  // a bearer token used as it is
  bool empty() const { return username.empty() && identity_token.empty() && registry_token.empty(); }
};

// The name under which docker keeps a registry's credentials: "https://index.docker.io/v1/" for
// docker.io, the host with its port for all others. Takes what users type, with or without https://
// and path.
std::string credentials_key(std::string_view registry);

// The config file. Every call reads it anew (another program may write it); a missing file is an
// empty one. credHelpers and credsStore name programs docker-credential-NAME, found in PATH and run
// as docker runs them. Errors: kCorrupt for a broken file, with its path; what a helper printed.
// Never a secret.
class CredentialFile {
 public:
  explicit CredentialFile(std::string path) : path_(std::move(path)) {}

  // Empty credentials when there are none.
  Result<Credentials> get(std::string_view registry) const;
  struct Stored {
    bool in_clear = false;  // base64 in the file itself, which docker warns of
    std::string where;      // the file's path, or the helper's name
  };
  // Replaces the file at once, 0600, keeping all that it holds besides.
  Result<Stored> store(std::string_view registry, const Credentials& credentials);
  // False when there were none.
  Result<bool> erase(std::string_view registry);

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace strata::registry
