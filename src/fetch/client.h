// HTTP for a command, done by its strata-fetch process (decision 4 of the design: foreign bytes
// meet processes without privileges). The process is started by open(), serves many requests at
// once and ends when the Client goes or the command dies.
//
// Thread-safe: many threads may begin requests at once. A Transfer belongs to one thread, except
// bytes().
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "fetch/protocol.h"
#include "sys/unique_fd.h"

namespace strata::fetch {

// PEM texts for one host. `ca` is trusted besides the system's; certificate and key go to that host
// only, never where it redirects to.
struct Tls {
  std::string ca;
  std::string certificate;
  std::string key;
  bool verify = true;
};

struct Request {
  std::string method = "GET";
  std::string url;  // http or https, without user information
  Headers headers;  // Authorization is dropped when a redirect leaves scheme, host or port
  // A success (2xx) sends its body here, a pipe or file, instead of into Response::body.
  int output = -1;
  std::uint64_t max_body = 1 << 20;
  // The body from this byte on (Range). Of a server that sends all of it, the first bytes are dropped;
  // one that refuses the range (416) or sends another one is asked for all of it.
  std::uint64_t range_start = 0;
  // What is sent: `body` if it is not empty, else upload_size bytes of `upload` (from its beginning
  // if it is a file; to its end, chunked, when the size is unknown), else nothing.
  std::string body;
  int upload = -1;
  std::optional<std::uint64_t> upload_size;
  Tls tls;
  // Called with the bytes received (sent, with an upload) so far, now and then, from a thread of
  // the Client's; not after the Transfer is gone. It must not call the Client.
  std::function<void(std::uint64_t)> on_progress;
};

struct Response {
  int status = 0;  // 0: there was none
  std::string url;
  Headers headers;
  std::string body;
  Failure failure = Failure::kNone;
  std::string message;      // of the failure
  std::uint64_t bytes = 0;  // to the output

  // The first header of that name (lower case), or "".
  std::string_view header(std::string_view name) const;
  bool success() const { return failure == Failure::kNone && status >= 200 && status < 300; }
};

class Client;

class [[nodiscard]] Transfer {
 public:
  class State;
  Transfer(std::shared_ptr<State> state, std::shared_ptr<Client> client);
  Transfer(Transfer&&) noexcept = default;
  Transfer& operator=(Transfer&&) noexcept;
  // Cancels what has not ended.
  ~Transfer();

  // Waits until status and headers are known (what the Response says of the body is then not
  // final), or the request has failed without them (status 0).
  Response wait_head();
  // Waits for the end.
  const Response& wait();
  // Ends it now, as kCancelled. Any thread.
  void cancel();
  // Received so far (sent, with an upload). Any thread.
  std::uint64_t bytes() const;

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<Client> client_;
};

struct Options {
  std::string program;  // path of strata-fetch
  std::chrono::milliseconds connect_timeout{5000};
  std::chrono::seconds stall_timeout{60};
};

class Client : public std::enable_shared_from_this<Client> {
 public:
  static Result<std::shared_ptr<Client>> open(const Options& options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Errors: strata-fetch is gone, or there are too many open files. All else is the Response's
  // failure.
  Result<Transfer> begin(const Request& request);
  // begin() and wait().
  Result<Response> perform(const Request& request);

 private:
  friend class Transfer;
  class Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace strata::fetch
