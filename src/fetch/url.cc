#include "fetch/url.h"

#include <memory>

#include "base/strings.h"
#include <curl/curl.h>

namespace strata::fetch {
namespace {

struct UrlDeleter {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, UrlDeleter>;

Url parse(const std::string& text) {
  Url url(curl_url());
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME) != CURLUE_OK) url.reset();
  return url;
}

std::string part(const Url& url, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (!url || curl_url_get(url.get(), which, &text, flags) != CURLUE_OK) return "";
  std::string result(text);
  curl_free(text);
  return result;
}

bool is_web(const Url& url) {
  const std::string scheme = part(url, CURLUPART_SCHEME);
  return (scheme == "http" || scheme == "https") && !part(url, CURLUPART_HOST).empty();
}

}  // namespace

bool is_plain_web_url(const std::string& text) {
  const Url url = parse(text);
  return is_web(url) && part(url, CURLUPART_USER).empty() && part(url, CURLUPART_PASSWORD).empty();
}

std::string host_and_port(const std::string& text) {
  const Url url = parse(text);
  const std::string host = part(url, CURLUPART_HOST);
  const std::string port = part(url, CURLUPART_PORT);
  return printable(port.empty() ? host : host + ":" + port);
}

bool same_origin(const std::string& a_text, const std::string& b_text) {
  const Url a = parse(a_text);
  const Url b = parse(b_text);
  return part(a, CURLUPART_SCHEME) == part(b, CURLUPART_SCHEME) &&
         equals_ignoring_case(part(a, CURLUPART_HOST), part(b, CURLUPART_HOST)) &&
         part(a, CURLUPART_PORT, CURLU_DEFAULT_PORT) == part(b, CURLUPART_PORT, CURLU_DEFAULT_PORT);
}

bool is_loopback_url(const std::string& text) {
  const std::string host = to_lower(part(parse(text), CURLUPART_HOST));
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

std::optional<std::string> resolve_redirect(const std::string& base, std::string_view location) {
  Url url = parse(base);
  if (!url || curl_url_set(url.get(), CURLUPART_URL, std::string(location).c_str(),
                           CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE) != CURLUE_OK)
    return std::nullopt;
  curl_url_set(url.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_PASSWORD, nullptr, 0);
  curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
  if (!is_web(url)) return std::nullopt;
  return part(url, CURLUPART_URL);
}

}  // namespace strata::fetch
