// A small HTTP/1.1 server inside a test: what a handler returns is sent as it is, however wrong.
// One request per connection; a thread per connection.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace strata::test {

struct HttpRequest {
  std::string method;
  std::string target;                          // path and query
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;
  std::string header(const std::string& name) const {
    const auto at = headers.find(name);
    return at == headers.end() ? "" : at->second;
  }
};

struct HttpResponse {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers;  // Content-Length is added unless it is here
  std::string body;
  std::string raw;                  // when not empty: these bytes instead of all that
  std::function<bool()> hold_open;  // before closing: called until it is false
};

class HttpServer {
 public:
  using Handler = std::function<HttpResponse(const HttpRequest&)>;

  // Listens on 127.0.0.1, on a free port unless one is named; with TLS when certificate and key
  // (PEM files) are named. Aborts when it cannot.
  explicit HttpServer(Handler handler, const std::string& certificate = "", const std::string& key = "", int port = 0);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;

  int port() const { return port_; }
  std::string host() const { return "127.0.0.1:" + std::to_string(port_); }
  // Handlers run one at a time. After this a test sees what they have written, and they what the
  // test has.
  void sync() const { const std::lock_guard lock(handler_mutex_); }

 private:
  class Connection;
  void accept_loop();

  mutable std::mutex handler_mutex_;
  Handler handler_;
  void* tls_ = nullptr;  // SSL_CTX
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stopping_ = false;
  std::vector<std::thread> workers_;
  std::thread acceptor_;
};

// A port on 127.0.0.1 that was free just now.
int free_port();

}  // namespace strata::test
