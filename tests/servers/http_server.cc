#include "tests/servers/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include <openssl/ssl.h>

namespace strata::test {
namespace {

[[noreturn]] void die(const char* what) {
  std::perror(what);
  std::abort();
}

int listen_on_loopback(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) die("bind");
  if (::listen(fd, 64) != 0) die("listen");
  return fd;
}

int port_of(int fd) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  return ntohs(address.sin_port);
}

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return text;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? "" : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

class HttpServer::Connection {
 public:
  Connection(int fd, SSL_CTX* context) : fd_(fd) {
    if (context == nullptr) return;
    tls_ = SSL_new(context);
    SSL_set_fd(tls_, fd);
    usable_ = SSL_accept(tls_) == 1;
  }
  ~Connection() {
    if (tls_ != nullptr) {
      if (usable_) SSL_shutdown(tls_);
      SSL_free(tls_);
    }
    ::close(fd_);
  }

  bool read_request(HttpRequest& request) {
    if (!usable_) return false;
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
      if (!fill() || buffer_[0] < 'A') return false;  // a TLS greeting begins with 0x16
    const std::string head = buffer_.substr(0, end);
    buffer_.erase(0, end + 4);
    std::size_t line_end = head.find("\r\n");
    const std::string first = head.substr(0, line_end);
    const std::size_t space = first.find(' ');
    request.method = first.substr(0, space);
    request.target = first.substr(space + 1, first.rfind(' ') - space - 1);
    while (line_end != std::string::npos) {
      const std::size_t start = line_end + 2;
      line_end = head.find("\r\n", start);
      const std::string line = head.substr(start, line_end - start);
      if (const std::size_t colon = line.find(':'); colon != std::string::npos)
        request.headers[lower(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
    }
    return request.header("transfer-encoding") == "chunked" ? read_chunks(request.body) : read_sized(request);
  }

  void send(const HttpRequest& request, const HttpResponse& response) {
    std::string bytes = response.raw;
    if (bytes.empty()) {
      bytes = "HTTP/1.1 " + std::to_string(response.status) + " Status\r\nConnection: close\r\n";
      bool has_length = false;
      for (const auto& [name, value] : response.headers) {
        bytes += name + ": " + value + "\r\n";
        has_length = has_length || lower(name) == "content-length";
      }
      if (!has_length) bytes += "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
      bytes += "\r\n";
      if (request.method != "HEAD") bytes += response.body;
    }
    write(bytes);
    while (response.hold_open && response.hold_open()) ::usleep(1000);
  }

 private:
  bool read_sized(HttpRequest& request) {
    const std::size_t length = std::strtoul(request.header("content-length").c_str(), nullptr, 10);
    while (buffer_.size() < length)
      if (!fill()) return false;
    request.body = buffer_.substr(0, length);
    return true;
  }

  bool read_chunks(std::string& body) {
    while (true) {
      std::size_t line = 0;
      while ((line = buffer_.find("\r\n")) == std::string::npos)
        if (!fill()) return false;
      const std::size_t size = std::strtoul(buffer_.c_str(), nullptr, 16);
      while (buffer_.size() < line + 2 + size + 2)
        if (!fill()) return false;
      body += buffer_.substr(line + 2, size);
      buffer_.erase(0, line + 2 + size + 2);
      if (size == 0) return true;
    }
  }

  bool fill() {
    char part[16384];
    const auto n = tls_ != nullptr ? SSL_read(tls_, part, sizeof part) : ::recv(fd_, part, sizeof part, 0);
    if (n <= 0) return false;
    buffer_.append(part, static_cast<std::size_t>(n));
    return true;
  }

  void write(const std::string& bytes) {
    std::size_t done = 0;
    while (done < bytes.size()) {
      const auto left = bytes.size() - done;
      const auto n = tls_ != nullptr ? SSL_write(tls_, bytes.data() + done, static_cast<int>(left))
                                     : ::send(fd_, bytes.data() + done, left, MSG_NOSIGNAL);
      if (n <= 0) return;
      done += static_cast<std::size_t>(n);
    }
  }

  int fd_;
  SSL* tls_ = nullptr;
  bool usable_ = true;
  std::string buffer_;
};

HttpServer::HttpServer(Handler handler, const std::string& certificate, const std::string& key, int port)
    : handler_(std::move(handler)) {
  ::signal(SIGPIPE, SIG_IGN);
  if (!certificate.empty()) {
    SSL_CTX* context = SSL_CTX_new(TLS_server_method());
    if (SSL_CTX_use_certificate_chain_file(context, certificate.c_str()) != 1 ||
        SSL_CTX_use_PrivateKey_file(context, key.c_str(), SSL_FILETYPE_PEM) != 1)
      die("server certificate");
    tls_ = context;
  }
  listener_ = listen_on_loopback(port);
  port_ = port_of(listener_);
  acceptor_ = std::thread([this] { accept_loop(); });
}

HttpServer::~HttpServer() {
  stopping_ = true;
  ::shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  for (std::thread& worker : workers_) worker.join();
  ::close(listener_);
  if (tls_ != nullptr) SSL_CTX_free(static_cast<SSL_CTX*>(tls_));
}

void HttpServer::accept_loop() {
  while (!stopping_) {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) continue;
    const timeval patience{20, 0};
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    workers_.emplace_back([this, fd] {
      Connection connection(fd, static_cast<SSL_CTX*>(tls_));
      HttpRequest request;
      if (!connection.read_request(request)) return;
      HttpResponse response;
      {
        const std::lock_guard lock(handler_mutex_);
        response = handler_(request);
      }
      connection.send(request, response);
    });
  }
}

int free_port() {
  const int fd = listen_on_loopback(0);
  const int port = port_of(fd);
  ::close(fd);
  return port;
}

}  // namespace strata::test
