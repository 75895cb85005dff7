// strata-test-token-server PORT CERTIFICATE KEY USER PASSWORD: a token server for end-to-end tests,
// until it is killed. docker-registry is told realm http://127.0.0.1:PORT/token, service
// test-registry, issuer test-issuer.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "tests/servers/token_server.h"

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fprintf(stderr, "usage: %s PORT CERTIFICATE KEY USER PASSWORD\n", argv[0]);
    return 2;
  }
  strata::test::TokenServer::Options options;
  options.port = std::atoi(argv[1]);
  options.certificate = argv[2];
  options.key = argv[3];
  options.user = argv[4];
  options.password = argv[5];
  const strata::test::TokenServer server(options);
  std::printf("%s\n", server.realm().c_str());
  std::fflush(stdout);
  while (true) ::pause();
}
