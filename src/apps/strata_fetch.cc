// strata-fetch: HTTP for one command, without privileges. Started by fetch::Client with a socket as
// descriptor 3; ends when that closes. Not for people.
#include <unistd.h>

#include <cstdio>

#include "base/strings.h"
#include "fetch/service.h"

namespace {

constexpr int kSocket = 3;

strata::Result<> run(int argc, char** argv) {
  if (argc != 3) return strata::error(strata::ErrorKind::kInvalidArgument, "is started by strata only");
  strata::fetch::ServiceLimits limits;
  limits.connect_timeout = std::chrono::milliseconds(strata::parse_unsigned(argv[1]).value_or(5000));
  limits.stall_timeout = std::chrono::seconds(strata::parse_unsigned(argv[2]).value_or(60));
  TRY(strata::fetch::enter_sandbox(kSocket));
  curl_global_init(CURL_GLOBAL_DEFAULT);
  return strata::fetch::serve(kSocket, limits);
}

}  // namespace

int main(int argc, char** argv) {
  const auto result = run(argc, argv);
  if (!result) std::fprintf(stderr, "strata-fetch: %s\n", result.error().message().c_str());
  ::_exit(result ? 0 : 1);  // a name lookup that still hangs is not waited for
}
