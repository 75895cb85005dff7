#include "fetch/exchange.h"

#include <sys/stat.h>

#include <algorithm>

#include "base/strings.h"
#include "fetch/explanation.h"
#include "fetch/url.h"
#include "sys/file.h"
#include "sys/partial_io.h"

namespace strata::fetch {
namespace {

constexpr auto kProgressInterval = std::chrono::milliseconds(100);

std::string read_pem(const sys::UniqueFd& fd) {
  auto text = sys::read_fd(fd.get(), kMaxPemBytes);
  return text ? *text : std::string();
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

}  // namespace

Exchange::Exchange(RequestMessage request, std::vector<sys::UniqueFd> fds, const ServiceLimits& limits, CURLM* multi,
                   Send send)
    : request_(std::move(request)), limits_(limits), multi_(multi), send_(std::move(send)) {
  std::size_t next = 0;
  const auto take = [&]() -> sys::UniqueFd { return next < fds.size() ? std::move(fds[next++]) : sys::UniqueFd(); };
  if (request_.has_output) {
    output_ = take();
    (void)sys::set_nonblocking(output_.get(), true);
  }
  if (request_.has_upload) {
    upload_ = take();
    const auto status = sys::stat_fd(upload_.get());
    upload_is_file_ = status && S_ISREG(status->st_mode);
    if (!upload_is_file_) (void)sys::set_nonblocking(upload_.get(), true);
  }
  if (request_.has_ca) ca_ = read_pem(take());
  if (request_.has_client_certificate) {
    certificate_ = read_pem(take());
    key_ = read_pem(take());
  }
  url_ = request_.url;
  easy_ = curl_easy_init();
}

Exchange::~Exchange() {
  curl_multi_remove_handle(multi_, easy_);
  curl_easy_cleanup(easy_);
  curl_slist_free_all(header_list_);
}

void Exchange::start() {
  if (!is_plain_web_url(url_)) return finish(Failure::kProcess, "not a URL for http or https");
  begin_hop();
}

std::string Exchange::peer() const { return host_and_port(url_); }

bool Exchange::fail_callback(Failure failure, std::string message) {
  failure_ = failure;
  failure_message_ = std::move(message);
  return false;
}

bool Exchange::is_redirect() const {
  const bool safe = request_.method == "GET" || request_.method == "HEAD";
  return status_ == 307 || status_ == 308 || (safe && (status_ == 301 || status_ == 302 || status_ == 303));
}

std::size_t Exchange::on_header(std::string_view line) {
  const std::size_t consumed = line.size();
  if (head_sent_) return consumed;  // a trailer
  header_bytes_ += line.size();
  if (header_bytes_ > kMaxHeaderBytes) {
    fail_callback(Failure::kLimit, fmt::format("{} sends more than {} bytes of headers", peer(), kMaxHeaderBytes));
    return 0;
  }
  if (line.starts_with("HTTP/")) {  // of an interim response (1xx) or of the final one
    headers_.clear();
    return consumed;
  }
  line = trim(line);
  if (!line.empty()) {
    if (const std::size_t colon = line.find(':'); colon != std::string_view::npos)
      headers_.emplace_back(to_lower(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
    return consumed;
  }
  long status = 0;
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &status);
  if (status < 200) return consumed;
  status_ = static_cast<int>(status);
  if (!is_redirect()) send_head();
  return failure_ == Failure::kNone && !asks_again_ ? consumed : 0;
}

void Exchange::send_head() {
  const auto header = [&](std::string_view name) -> std::string_view {
    for (const auto& [key, value] : headers_)
      if (key == name) return value;
    return {};
  };
  if (request_.range_start > 0 && status_ == 200) skip_ = request_.range_start;
  const std::string wanted = fmt::format("bytes {}-", request_.range_start);
  const bool wrong_range = status_ == 206 && !header("content-range").starts_with(wanted);
  if (request_.range_start > 0 && !whole_body_ && (wrong_range || status_ == 416)) {
    asks_again_ = true;
    return;
  }
  head_sent_ = true;
  if (wrong_range) fail_callback(Failure::kBroken, peer() + " answers with another range than was asked for");
  const auto length = parse_unsigned(header("content-length"));
  if (length && request_.method != "HEAD" && status_ < 300 && *length > request_.max_body + skip_)
    fail_callback(Failure::kLimit, fmt::format("{} announces {} bytes where at most {} are allowed", peer(), *length,
                                               request_.max_body));
  if (failure_ == Failure::kNone) send_(Head{request_.id, status_, url_, headers_});
}

std::size_t Exchange::on_body(std::string_view bytes) {
  const std::size_t consumed = bytes.size();
  if (is_redirect()) return consumed;
  const bool success = status_ >= 200 && status_ < 300;
  if (success && skip_ > 0) {
    const std::size_t dropped = std::min<std::uint64_t>(skip_, bytes.size());
    skip_ -= dropped;
    bytes.remove_prefix(dropped);
  }
  if (success && output_ && !flush()) {
    if (failure_ != Failure::kNone) return 0;
    output_blocked_ = true;
    // libcurl gives us all of this again, so what was dropped for skip_ must count once more.
    skip_ += consumed - bytes.size();
    return CURL_WRITEFUNC_PAUSE;
  }
  if (!success) {
    const std::uint64_t room = kMaxErrorBody - std::min<std::uint64_t>(kMaxErrorBody, received_);
    bytes = bytes.substr(0, room);
  } else if (bytes.size() > request_.max_body - std::min(request_.max_body, received_)) {
    fail_callback(Failure::kLimit,
                  fmt::format("{} sends more than the {} bytes that are allowed", peer(), request_.max_body));
    return 0;
  }
  received_ += bytes.size();
  if (success && output_) {
    if (!deliver(bytes)) return 0;
  } else {
    for (std::size_t at = 0; at < bytes.size(); at += kBodyPartBytes)
      send_(BodyPart{request_.id, std::string(bytes.substr(at, kBodyPartBytes))});
    delivered_ += bytes.size();
  }
  return consumed;
}

// Gives the output what it takes now and keeps the rest; nothing is pending when this is called.
bool Exchange::deliver(std::string_view bytes) {
  const auto written = sys::write_ready(output_.get(), bytes_of(bytes));
  if (!written) return fail_callback(Failure::kOutput, "the output: " + written.error().message());
  const std::size_t taken = written->value_or(0);
  delivered_ += taken;
  pending_ = bytes.substr(taken);
  report_progress(delivered_);
  return true;
}

// True when nothing is pending any more.
bool Exchange::flush() {
  while (!pending_.empty()) {
    const auto written = sys::write_ready(output_.get(), bytes_of(pending_));
    if (!written) {
      pending_.clear();
      return fail_callback(Failure::kOutput, "the output: " + written.error().message());
    }
    if (!*written) return false;
    delivered_ += **written;
    pending_.erase(0, **written);
  }
  report_progress(delivered_);
  return true;
}

void Exchange::report_progress(std::uint64_t bytes) {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_progress_ < kProgressInterval) return;
  last_progress_ = now;
  send_(Progress{request_.id, bytes});
}

std::size_t Exchange::on_upload(char* buffer, std::size_t size) {
  if (request_.upload_size) size = std::min<std::uint64_t>(size, *request_.upload_size - uploaded_);
  if (size == 0) return 0;
  const std::span<std::byte> room = std::as_writable_bytes(std::span(buffer, size));
  std::size_t got = 0;
  if (upload_is_file_) {
    const auto n = sys::pread_full(upload_.get(), room, uploaded_);
    if (!n) {
      fail_callback(Failure::kUpload, "the upload's source: " + n.error().message());
      return CURL_READFUNC_ABORT;
    }
    got = *n;
  } else {
    const auto n = sys::read_ready(upload_.get(), room);
    if (!n) {
      fail_callback(Failure::kUpload, "the upload's source: " + n.error().message());
      return CURL_READFUNC_ABORT;
    }
    if (!*n) {
      upload_blocked_ = true;
      return CURL_READFUNC_PAUSE;
    }
    got = **n;
  }
  if (got == 0 && request_.upload_size) {
    fail_callback(Failure::kUpload,
                  fmt::format("the upload's source ends after {} of {} bytes", uploaded_, *request_.upload_size));
    return CURL_READFUNC_ABORT;
  }
  uploaded_ += got;
  report_progress(uploaded_);
  return got;
}

int Exchange::on_seek(std::int64_t offset) {
  if (static_cast<std::uint64_t>(offset) == uploaded_) return CURL_SEEKFUNC_OK;
  if (!upload_is_file_) return CURL_SEEKFUNC_FAIL;
  uploaded_ = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

void Exchange::resume() {
  if (output_blocked_ || transfer_over_ || !pending_.empty()) {
    const bool flushed = flush();
    if (failure_ != Failure::kNone && !transfer_over_) {
      output_blocked_ = false;
      return finish(failure_, failure_message_);
    }
    if (!flushed && failure_ == Failure::kNone) return;
    output_blocked_ = false;
    if (transfer_over_) return finish(failure_, failure_message_);
  }
  upload_blocked_ = false;
  curl_easy_pause(easy_, CURLPAUSE_CONT);
}

void Exchange::hop_done(CURLcode code) {
  curl_multi_remove_handle(multi_, easy_);
  if (asks_again_) {
    whole_body_ = true;
    return begin_hop();
  }
  if (code != CURLE_OK) return finish_with(code);
  if (is_redirect() && !head_sent_) {
    if (follow_redirect()) return begin_hop();
    return finish(failure_, failure_message_);
  }
  if (!pending_.empty() && !flush() && failure_ == Failure::kNone) {
    transfer_over_ = true;
    output_blocked_ = true;
    return;
  }
  finish(failure_, failure_message_);
}

void Exchange::finish_with(CURLcode code) {
  if (failure_ != Failure::kNone) return finish(failure_, failure_message_);
  Explanation explanation = explain(easy_, code, peer(), curl_error_, limits_);
  finish(explanation.failure, std::move(explanation.message));
}

void Exchange::finish(Failure failure, std::string message) {
  if (ended_) return;
  ended_ = true;
  output_blocked_ = upload_blocked_ = false;
  output_.reset();
  upload_.reset();
  send_(End{request_.id, failure, printable(message), request_.has_upload ? uploaded_ : delivered_});
}

}  // namespace strata::fetch
