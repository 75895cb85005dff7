// HTTP with one registry: scheme, authorization and retries around fetch::Client. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "base/result.h"
#include "fetch/client.h"
#include "registry/authorizer.h"
#include "registry/endpoint.h"

namespace strata::registry {

// One request, before scheme, host and authorization are known. `path` begins with "/v2/"; a whole
// URL (an upload's Location) stands as it is.
struct Call {
  std::string method = "GET";
  std::string path;
  fetch::Headers headers;
  Scopes scopes;
  int output = -1;
  std::uint64_t max_body = 1 << 20;
  std::uint64_t range_start = 0;
  std::string body;
  int upload = -1;
  std::optional<std::uint64_t> upload_size;
  bool repeatable = true;                          // may be sent again after it has broken off
  std::function<void(std::uint64_t)> on_progress;  // as in fetch::Request
};

// A transfer whose head is there: a final one, not a 401 that could be answered.
struct Opened {
  fetch::Transfer transfer;
  fetch::Response head;
};

class Session {
 public:
  // `settings` outlives the Session. strata-fetch is started by the first request.
  explicit Session(const Settings& settings);

  // The response, whatever its status; bodies are whole. Errors: no response (after retries).
  Result<fetch::Response> perform(const Endpoint& endpoint, const Call& call);
  // One attempt; a failure is in the Response.
  Result<fetch::Response> perform_once(const Endpoint& endpoint, const Call& call);
  // A success whose body is on its way to call.output. Errors: no response, or one that is no
  // success.
  Result<Opened> open(const Endpoint& endpoint, const Call& call);

  // A mirror that could not be reached once is not waited for again.
  bool is_out_of_reach(const Endpoint& endpoint);

  Authorizer& authorizer() { return authorizer_; }
  const Settings& settings() const { return settings_; }
  // Waits before the `attempt`th repetition (from 0); false when there are to be no more.
  bool may_repeat(int attempt, const fetch::Response& failed) const;

 private:
  Result<std::shared_ptr<fetch::Client>> client();
  // One attempt, authorization included.
  Result<Opened> attempt(const Endpoint& endpoint, const Call& call);
  Result<Opened> attempt_with_scheme(const Endpoint& endpoint, const std::string& scheme, const Call& call);
  Result<fetch::Response> perform_plain(const fetch::Request& request);

  const Settings& settings_;
  std::mutex mutex_;
  std::shared_ptr<fetch::Client> client_;
  std::map<std::string, std::string> schemes_;  // by host: the one that worked
  std::set<std::string> out_of_reach_;          // hosts
  Authorizer authorizer_;
};

}  // namespace strata::registry
