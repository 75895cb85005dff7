#include "fetch/explanation.h"

#include <cstring>

#include <fmt/core.h>

namespace strata::fetch {

Explanation explain(CURL* easy, CURLcode code, const std::string& peer, const char* curl_error,
                    const ServiceLimits& limits) {
  const auto say = [](Failure failure, std::string message) { return Explanation{failure, std::move(message)}; };
  const std::string detail = *curl_error != '\0' ? curl_error : curl_easy_strerror(code);
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return say(Failure::kResolve, fmt::format("cannot resolve the host name in {}", peer));
    case CURLE_COULDNT_RESOLVE_PROXY:
      return say(Failure::kResolve, fmt::format("cannot resolve the name of the proxy for {}", peer));
    case CURLE_COULDNT_CONNECT: {
      long number = 0;
      curl_easy_getinfo(easy, CURLINFO_OS_ERRNO, &number);
      return say(Failure::kConnect,
                 fmt::format("cannot connect to {}: {}", peer,
                             number != 0 ? std::strerror(static_cast<int>(number)) : "no address answers"));
    }
    case CURLE_OPERATION_TIMEDOUT: {
      curl_off_t started = 0;
      curl_easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &started);
      curl_off_t connected = 0;
      curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected);
      if (started == 0 && connected > 0)
        return say(Failure::kTls,
                   fmt::format("TLS to {}: no answer within {} ms", peer, limits.connect_timeout.count()));
      if (started == 0)
        return say(Failure::kTimeout,
                   fmt::format("no connection to {} within {} ms", peer, limits.connect_timeout.count()));
      return say(Failure::kTimeout, fmt::format("{} has sent nothing for {} s", peer, limits.stall_timeout.count()));
    }
    case CURLE_PEER_FAILED_VERIFICATION:
      return say(Failure::kCertificate, fmt::format("TLS to {}: {}", peer, detail));
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
      return say(Failure::kTls, fmt::format("TLS to {}: {}", peer, detail));
    case CURLE_OUT_OF_MEMORY:
    case CURLE_FAILED_INIT:
      return say(Failure::kProcess, detail);
    default:
      return say(Failure::kBroken, fmt::format("{} broke off: {}", peer, curl_easy_strerror(code)));
  }
}

}  // namespace strata::fetch
