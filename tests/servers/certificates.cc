#include "tests/servers/certificates.h"

#include <cstdio>
#include <cstdlib>

namespace strata::test {
namespace {

void shell(const std::string& command) {
  if (std::system(("{ " + command + "; } >/dev/null 2>&1").c_str()) == 0) return;
  std::fprintf(stderr, "failed: %s\n", command.c_str());
  std::abort();
}

}  // namespace

Certificates make_certificates(const std::string& directory, const std::string& common_name) {
  const std::string ca = directory + "/ca";
  const std::string server = directory + "/server";
  shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj '/CN=" + common_name +
        "' -keyout " + ca + ".key -out " + ca + ".crt");
  shell("openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout " + server + ".key -out " + server + ".csr");
  shell("printf 'subjectAltName=IP:127.0.0.1,DNS:localhost' > " + server + ".ext");
  shell("openssl x509 -req -in " + server + ".csr -CA " + ca + ".crt -CAkey " + ca + ".key -CAcreateserial -days 2 " +
        "-extfile " + server + ".ext -out " + server + ".crt");
  return {ca + ".crt", server + ".crt", server + ".key"};
}

}  // namespace strata::test
