// libcurl's error codes in words for people: whom it is about, what did not work, why. Never a
// URL's query.
#pragma once

#include <string>

#include "fetch/exchange.h"
#include <curl/curl.h>

namespace strata::fetch {

struct Explanation {
  Failure failure;
  std::string message;
};

// `peer` is host_and_port() of the URL, `curl_error` the error buffer (may be empty).
Explanation explain(CURL* easy, CURLcode code, const std::string& peer, const char* curl_error,
                    const ServiceLimits& limits);

}  // namespace strata::fetch
