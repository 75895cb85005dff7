// Debian's docker-registry as a child process, on a free port of 127.0.0.1, with its files in a
// directory of its own; ended and removed by the destructor.
#pragma once

#include <sys/types.h>

#include <string>

namespace strata::test {

class RegistryProcess {
 public:
  struct Options {
    std::string certificate, key;                                              // TLS
    std::string user, password;                                                // Basic
    std::string token_realm, token_service, token_issuer, token_certificates;  // Bearer
  };
  // Waits until it answers. Aborts when it does not.
  explicit RegistryProcess(const Options& options);
  RegistryProcess();
  ~RegistryProcess();
  RegistryProcess(const RegistryProcess&) = delete;

  // False when the program is not installed: the test should then say so and skip.
  static bool installed();

  int port() const { return port_; }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  // Where it keeps its blobs.
  const std::string& directory() const { return directory_; }

 private:
  std::string directory_;
  int port_ = 0;
  pid_t pid_ = -1;
};

}  // namespace strata::test
