#include "registry/session.h"

#include <algorithm>
#include <thread>

#include "base/strings.h"
#include "registry/registry_error.h"

namespace strata::registry {
namespace {

constexpr auto kLongestPause = std::chrono::seconds(5);
constexpr int kMaxAnswers = 2;  // to 401s: one for the scheme, one for a token that had become stale

// Whether a host that does not speak TLS like this may speak plain HTTP.
bool suggests_plain_http(const Endpoint& endpoint, fetch::Failure failure) {
  if (failure == fetch::Failure::kTls || failure == fetch::Failure::kCertificate) return endpoint.tls.ca.empty();
  const bool names_port = endpoint.host.rfind(':') != std::string::npos && !endpoint.host.ends_with(']');
  return failure == fetch::Failure::kConnect && !names_port;
}

bool cannot_be_reached(fetch::Failure failure) {
  return failure == fetch::Failure::kResolve || failure == fetch::Failure::kConnect ||
         failure == fetch::Failure::kTimeout || failure == fetch::Failure::kTls;
}

}  // namespace

Session::Session(const Settings& settings)
    : settings_(settings),
      authorizer_(settings, [this](const fetch::Request& request) { return perform_plain(request); }) {}

Result<std::shared_ptr<fetch::Client>> Session::client() {
  const std::lock_guard lock(mutex_);
  if (!client_) {
    fetch::Options options;
    options.program = settings_.fetch_program;
    options.connect_timeout = settings_.connect_timeout;
    options.stall_timeout = settings_.stall_timeout;
    client_ = TRY(fetch::Client::open(options));
  }
  return client_;
}

bool Session::is_out_of_reach(const Endpoint& endpoint) {
  const std::lock_guard lock(mutex_);
  return endpoint.is_mirror && out_of_reach_.contains(endpoint.host);
}

bool Session::may_repeat(int attempt, const fetch::Response& failed) const {
  if (attempt >= settings_.retries || !is_passing(failed)) return false;
  auto pause = std::chrono::milliseconds(settings_.first_retry_pause) * (1 << std::min(attempt, 10));
  if (const auto seconds = parse_unsigned(failed.header("retry-after"))) {
    if (*seconds > static_cast<std::uint64_t>(kLongestPause.count())) return false;
    pause = std::max<std::chrono::milliseconds>(pause, std::chrono::seconds(*seconds));
  }
  std::this_thread::sleep_for(std::min<std::chrono::milliseconds>(pause, kLongestPause));
  return true;
}

Result<fetch::Response> Session::perform_plain(const fetch::Request& request) {
  const auto http = TRY(client());
  for (int repetition = 0;; ++repetition) {
    fetch::Response response = TRY(http->perform(request));
    if (may_repeat(repetition, response)) continue;
    if (response.failure != fetch::Failure::kNone) return to_error(response, "");
    return response;
  }
}

Result<Opened> Session::attempt_with_scheme(const Endpoint& endpoint, const std::string& scheme, const Call& call) {
  const auto http = TRY(client());
  fetch::Request request;
  request.method = call.method;
  const bool is_url = call.path.find("://") != std::string::npos;
  request.url = is_url ? call.path : endpoint.base(scheme) + endpoint.prefix + call.path;
  request.headers = call.headers;
  request.output = call.output;
  request.max_body = call.max_body;
  request.range_start = call.range_start;
  request.body = call.body;
  request.upload = call.upload;
  request.upload_size = call.upload_size;
  request.tls = endpoint.tls;
  request.on_progress = call.on_progress;
  // An upload's Location may lie elsewhere: who is not the registry gets no authorization of it.
  const bool ours = !is_url || request.url.starts_with(endpoint.base(scheme) + "/");
  std::string authorization;
  if (ours) authorization = TRY(authorizer_.header_for(endpoint, call.scopes));
  for (int answers = 0;; ++answers) {
    fetch::Request signed_request = request;
    if (!authorization.empty()) signed_request.headers.emplace_back("Authorization", authorization);
    fetch::Transfer transfer = TRY(http->begin(signed_request));
    fetch::Response head = transfer.wait_head();
    const bool can_send_again = call.upload < 0 || call.repeatable;
    if (head.status != 401 || !ours || answers >= kMaxAnswers || !can_send_again)
      return Opened{std::move(transfer), std::move(head)};
    const fetch::Response unauthorized = transfer.wait();
    auto better = TRY(authorizer_.answer(endpoint, unauthorized, call.scopes, authorization));
    if (!better) return Opened{std::move(transfer), unauthorized};
    authorization = std::move(*better);
  }
}

Result<Opened> Session::attempt(const Endpoint& endpoint, const Call& call) {
  std::string known;
  {
    const std::lock_guard lock(mutex_);
    if (const auto at = schemes_.find(endpoint.host); at != schemes_.end()) known = at->second;
  }
  if (!known.empty()) return attempt_with_scheme(endpoint, known, call);
  for (std::size_t i = 0;; ++i) {
    Opened opened = TRY(attempt_with_scheme(endpoint, endpoint.schemes[i], call));
    const bool last = i + 1 == endpoint.schemes.size();
    if (opened.head.status == 0 && !last && suggests_plain_http(endpoint, opened.head.failure)) continue;
    if (opened.head.status != 0) {
      const std::lock_guard lock(mutex_);
      schemes_[endpoint.host] = endpoint.schemes[i];
    } else if (cannot_be_reached(opened.head.failure)) {
      const std::lock_guard lock(mutex_);
      out_of_reach_.insert(endpoint.host);
    }
    return opened;
  }
}

Result<fetch::Response> Session::perform_once(const Endpoint& endpoint, const Call& call) {
  Opened opened = TRY(attempt(endpoint, call));
  return opened.transfer.wait();
}

Result<fetch::Response> Session::perform(const Endpoint& endpoint, const Call& call) {
  for (int repetition = 0;; ++repetition) {
    fetch::Response response = TRY(perform_once(endpoint, call));
    if (call.repeatable && may_repeat(repetition, response)) continue;
    if (response.failure != fetch::Failure::kNone) return to_error(response, endpoint.host);
    return response;
  }
}

Result<Opened> Session::open(const Endpoint& endpoint, const Call& call) {
  for (int repetition = 0;; ++repetition) {
    Opened opened = TRY(attempt(endpoint, call));
    if (opened.head.status >= 200 && opened.head.status < 300) return opened;
    fetch::Response response = opened.transfer.wait();
    if (may_repeat(repetition, response)) continue;
    return to_error(response, endpoint.host);
  }
}

}  // namespace strata::registry
