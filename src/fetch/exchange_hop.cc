// One hop of an Exchange: how libcurl is told what to ask for, and where a redirect leads.
#include <cstdlib>

#include "base/strings.h"
#include "fetch/exchange.h"
#include "fetch/url.h"

namespace strata::fetch {
namespace {

constexpr long kBufferSize = 128 << 10;
constexpr long kUploadBufferSize = 512 << 10;

curl_blob blob_of(std::string& text) { return {text.data(), text.size(), CURL_BLOB_NOCOPY}; }

}  // namespace

void Exchange::begin_hop() {
  curl_easy_reset(easy_);
  curl_slist_free_all(std::exchange(header_list_, nullptr));
  status_ = 0;
  asks_again_ = false;
  headers_.clear();
  header_bytes_ = 0;
  uploaded_ = 0;
  curl_error_[0] = '\0';

  curl_easy_setopt(easy_, CURLOPT_PRIVATE, this);
  curl_easy_setopt(easy_, CURLOPT_URL, url_.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS);
  curl_easy_setopt(easy_, CURLOPT_FOLLOWLOCATION, 0L);
  curl_easy_setopt(easy_, CURLOPT_NETRC, CURL_NETRC_IGNORED);
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  // A name lookup that hangs must not hang the loop when its transfer is given up.
  curl_easy_setopt(easy_, CURLOPT_QUICK_EXIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, curl_error_);
  curl_easy_setopt(easy_, CURLOPT_USERAGENT, "strata/" STRATA_VERSION);
  curl_easy_setopt(easy_, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits_.connect_timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_LIMIT, 1L);
  curl_easy_setopt(easy_, CURLOPT_LOW_SPEED_TIME, static_cast<long>(limits_.stall_timeout.count()));
  curl_easy_setopt(easy_, CURLOPT_TCP_KEEPALIVE, 1L);
  curl_easy_setopt(easy_, CURLOPT_BUFFERSIZE, kBufferSize);
  curl_easy_setopt(easy_, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBufferSize);
  if (is_loopback_url(url_)) curl_easy_setopt(easy_, CURLOPT_PROXY, "");

  curl_easy_setopt(
      easy_, CURLOPT_HEADERFUNCTION, +[](char* data, std::size_t size, std::size_t n, void* self) {
        return static_cast<Exchange*>(self)->on_header({data, size * n});
      });
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, this);
  curl_easy_setopt(
      easy_, CURLOPT_WRITEFUNCTION, +[](char* data, std::size_t size, std::size_t n, void* self) {
        return static_cast<Exchange*>(self)->on_body({data, size * n});
      });
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, this);

  const auto add_header = [&](const std::string& line) {
    header_list_ = curl_slist_append(header_list_, line.c_str());
  };
  for (const auto& [name, value] : request_.headers) {
    if (left_origin_ && equals_ignoring_case(name, "authorization")) continue;
    add_header(name + ": " + value);
  }
  if (request_.range_start > 0 && !whole_body_) add_header(fmt::format("Range: bytes={}-", request_.range_start));
  add_header("Expect:");
  // What has no body gets no type from libcurl either.
  if (!request_.has_upload) add_header("Content-Type:");
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, header_list_);
  set_tls();
  set_body();
  if (const CURLMcode code = curl_multi_add_handle(multi_, easy_); code != CURLM_OK)
    finish(Failure::kProcess, curl_multi_strerror(code));
}

void Exchange::set_tls() {
  if (const char* file = ::getenv("SSL_CERT_FILE")) curl_easy_setopt(easy_, CURLOPT_CAINFO, file);
  if (const char* directory = ::getenv("SSL_CERT_DIR")) curl_easy_setopt(easy_, CURLOPT_CAPATH, directory);
  if (!request_.verify && !left_origin_) {
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy_, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!ca_.empty()) {
    curl_blob blob = blob_of(ca_);  // besides the system's directory of CAs, which stays in force
    curl_easy_setopt(easy_, CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!certificate_.empty() && !left_origin_) {
    curl_blob certificate = blob_of(certificate_);
    curl_blob key = blob_of(key_);
    curl_easy_setopt(easy_, CURLOPT_SSLCERT_BLOB, &certificate);
    curl_easy_setopt(easy_, CURLOPT_SSLKEY_BLOB, &key);
  }
}

void Exchange::set_body() {
  if (request_.has_upload) {
    curl_easy_setopt(easy_, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(easy_, CURLOPT_INFILESIZE_LARGE,
                     request_.upload_size ? static_cast<curl_off_t>(*request_.upload_size) : curl_off_t{-1});
    curl_easy_setopt(
        easy_, CURLOPT_READFUNCTION, +[](char* buffer, std::size_t size, std::size_t n, void* self) {
          return static_cast<Exchange*>(self)->on_upload(buffer, size * n);
        });
    curl_easy_setopt(easy_, CURLOPT_READDATA, this);
    curl_easy_setopt(
        easy_, CURLOPT_SEEKFUNCTION, +[](void* self, curl_off_t offset, int origin) {
          return origin == SEEK_SET ? static_cast<Exchange*>(self)->on_seek(offset) : CURL_SEEKFUNC_FAIL;
        });
    curl_easy_setopt(easy_, CURLOPT_SEEKDATA, this);
  } else if (request_.method == "HEAD") {
    curl_easy_setopt(easy_, CURLOPT_NOBODY, 1L);
  } else if (request_.method != "GET") {
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE, 0L);
  }
  curl_easy_setopt(easy_, CURLOPT_CUSTOMREQUEST, request_.method.c_str());
}

// Sets url_ to where the response sends us; false with a failure when we do not go there.
bool Exchange::follow_redirect() {
  std::string_view location;
  for (const auto& [name, value] : headers_)
    if (name == "location") location = value;
  if (location.empty()) return fail_callback(Failure::kBroken, peer() + " redirects without saying where");
  if (++redirects_ > kMaxRedirects)
    return fail_callback(Failure::kRedirect,
                         fmt::format("{} redirects more than {} times", host_and_port(request_.url), kMaxRedirects));
  if (request_.has_upload && !upload_is_file_ && uploaded_ > 0)
    return fail_callback(Failure::kRedirect, peer() + " redirects an upload that cannot be repeated");
  const auto target = resolve_redirect(url_, location);
  if (!target || target->size() > kMaxUrlBytes)
    return fail_callback(Failure::kRedirect, peer() + " redirects to what is no http or https URL");
  if (url_.starts_with("https:") && !target->starts_with("https:"))
    return fail_callback(Failure::kRedirect, fmt::format("{} redirects from https to http ({}), which is refused",
                                                         peer(), host_and_port(*target)));
  if (!same_origin(*target, request_.url)) left_origin_ = true;
  url_ = *target;
  return true;
}

}  // namespace strata::fetch
