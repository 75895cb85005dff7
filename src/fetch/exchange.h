// One request inside strata-fetch: a libcurl transfer and its redirects, from the RequestMessage to
// the End.
//
// libcurl's callbacks must not wait: what the output pipe does not take at once is kept (one buffer
// of libcurl's at most) and the transfer pauses until the pipe is ready; likewise an upload that
// comes from a pipe. Redirects are followed here and not by libcurl, so that what goes where is in
// one visible place: Authorization and a client certificate never leave the scheme, host and port
// they were meant for, and https is not left for http.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "fetch/protocol.h"
#include "sys/unique_fd.h"
#include <curl/curl.h>

namespace strata::fetch {

struct ServiceLimits {
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::seconds stall_timeout{60};
};

class Exchange {
 public:
  using Send = std::function<void(const ToCommand&)>;

  // `fds` as the message announces them. The multi handle and what `send` needs outlive the
  // Exchange.
  Exchange(RequestMessage request, std::vector<sys::UniqueFd> fds, const ServiceLimits& limits, CURLM* multi,
           Send send);
  ~Exchange();
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  std::uint64_t id() const { return request_.id; }
  // The End has been sent: drop it.
  bool ended() const { return ended_; }
  void start();
  // libcurl says that the current hop is over.
  void hop_done(CURLcode code);
  // Descriptors whose readiness must be waited for, or -1.
  // What has come goes on, even when the peer pauses now.
  int waits_to_write() const { return output_blocked_ || !pending_.empty() ? output_.get() : -1; }
  int waits_to_read() const { return upload_blocked_ ? upload_.get() : -1; }
  // That descriptor is ready (or broken).
  void resume();

 private:
  void begin_hop();
  void set_tls();
  void set_body();
  bool follow_redirect();
  void finish(Failure failure, std::string message);
  void finish_with(CURLcode code);
  void send_head();
  void report_progress(std::uint64_t bytes);
  bool deliver(std::string_view bytes);
  bool flush();
  bool fail_callback(Failure failure, std::string message);
  std::string peer() const;

  std::size_t on_header(std::string_view line);
  std::size_t on_body(std::string_view bytes);
  std::size_t on_upload(char* buffer, std::size_t size);
  int on_seek(std::int64_t offset);
  bool is_redirect() const;

  RequestMessage request_;
  const ServiceLimits& limits_;
  CURLM* multi_;
  Send send_;
  sys::UniqueFd output_;
  sys::UniqueFd upload_;
  bool upload_is_file_ = false;
  std::string ca_, certificate_, key_;  // PEM

  CURL* easy_ = nullptr;
  curl_slist* header_list_ = nullptr;
  char curl_error_[CURL_ERROR_SIZE] = {};
  std::string url_;
  bool left_origin_ = false;
  int redirects_ = 0;

  // Of the current hop's response.
  int status_ = 0;
  Headers headers_;
  std::size_t header_bytes_ = 0;
  bool head_sent_ = false;
  bool whole_body_ = false;     // the range was refused or misunderstood: ask without
  bool asks_again_ = false;     // this hop is to be repeated like that
  std::uint64_t skip_ = 0;      // of a whole body where a range was asked for
  std::uint64_t received_ = 0;  // after skip_
  std::uint64_t delivered_ = 0;
  std::string pending_;  // received, not yet taken by the output
  bool output_blocked_ = false;
  std::uint64_t uploaded_ = 0;
  bool upload_blocked_ = false;
  std::chrono::steady_clock::time_point last_progress_{};

  Failure failure_ = Failure::kNone;  // decided in a callback, which libcurl reports as its own error
  std::string failure_message_;
  bool transfer_over_ = false;  // only pending_ is left
  bool ended_ = false;
};

}  // namespace strata::fetch
