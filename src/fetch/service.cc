#include "fetch/service.h"

#include <signal.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "sys/message_socket.h"

namespace strata::fetch {
namespace {

constexpr std::size_t kMaxExchanges = 64;

class Service {
 public:
  Service(int socket, const ServiceLimits& limits) : socket_(socket), limits_(limits) {
    multi_ = curl_multi_init();
    // A connection per transfer, kept for the next one: several streams over one connection would
    // wait for the slowest reader among them.
    curl_multi_setopt(multi_, CURLMOPT_PIPELINING, CURLPIPE_NOTHING);
    curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, 32L);
  }
  ~Service() {
    exchanges_.clear();
    curl_multi_cleanup(multi_);
  }

  Result<> run() {
    while (true) {
      int running = 0;
      curl_multi_perform(multi_, &running);
      take_finished();
      std::erase_if(exchanges_, [](const auto& exchange) { return exchange->ended(); });
      if (command_gone_) return {};
      if (!TRY(wait())) return {};
    }
  }

 private:
  // False when the command is gone.
  Result<bool> wait() {
    std::vector<curl_waitfd> fds{{socket_, CURL_WAIT_POLLIN, 0}};
    std::vector<Exchange*> owners{nullptr};
    for (const auto& exchange : exchanges_) {
      if (const int fd = exchange->waits_to_write(); fd >= 0) {
        fds.push_back({fd, CURL_WAIT_POLLOUT, 0});
        owners.push_back(exchange.get());
      }
      if (const int fd = exchange->waits_to_read(); fd >= 0) {
        fds.push_back({fd, CURL_WAIT_POLLIN, 0});
        owners.push_back(exchange.get());
      }
    }
    if (const CURLMcode code = curl_multi_poll(multi_, fds.data(), static_cast<unsigned>(fds.size()), 60'000, nullptr);
        code != CURLM_OK)
      return error(ErrorKind::kInternal, "curl_multi_poll: {}", curl_multi_strerror(code));
    for (std::size_t i = 1; i < fds.size(); ++i)
      if (fds[i].revents != 0) owners[i]->resume();
    return fds[0].revents != 0 ? take_message() : true;
  }

  Result<bool> take_message() {
    auto message = TRY(sys::receive_message(socket_));
    if (message.bytes.empty()) return false;
    auto decoded = TRY(decode_to_fetch(message.bytes));
    if (const auto* cancel = std::get_if<CancelMessage>(&decoded)) {
      std::erase_if(exchanges_, [&](const auto& exchange) { return exchange->id() == cancel->id; });
      return true;
    }
    auto& request = std::get<RequestMessage>(decoded);
    const auto send = [this](const ToCommand& answer) {
      if (!sys::send_message(socket_, encode(answer))) command_gone_ = true;
    };
    if (exchanges_.size() >= kMaxExchanges) {
      send(End{request.id, Failure::kProcess, fmt::format("more than {} requests at once", kMaxExchanges), 0});
      return true;
    }
    exchanges_.push_back(std::make_unique<Exchange>(std::move(request), std::move(message.fds), limits_, multi_, send));
    exchanges_.back()->start();
    return true;
  }

  void take_finished() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      Exchange* exchange = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &exchange);
      exchange->hop_done(message->data.result);
    }
  }

  int socket_;
  const ServiceLimits& limits_;
  CURLM* multi_;
  std::vector<std::unique_ptr<Exchange>> exchanges_;
  bool command_gone_ = false;
};

}  // namespace

Result<> serve(int socket, const ServiceLimits& limits) {
  ::signal(SIGPIPE, SIG_IGN);
  return Service(socket, limits).run();
}

}  // namespace strata::fetch
