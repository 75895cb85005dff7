#include "fetch/client.h"

#include <sys/socket.h>  // SOCK_SEQPACKET

#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/strings.h"
#include "sys/file.h"
#include "sys/memory_file.h"
#include "sys/message_socket.h"
#include "sys/process.h"
#include "sys/unix_socket.h"

namespace strata::fetch {

// What one request has come to. Written by the Client's reader thread.
class Transfer::State {
 public:
  explicit State(std::uint64_t number) : id(number) {}

  void take(ToCommand message) {
    const std::lock_guard lock(mutex);
    std::visit([this](auto& m) { put(m); }, message);
    changed.notify_all();
  }
  void fail(Failure failure, std::string message) { take(End{id, failure, std::move(message), response.bytes}); }

  const std::uint64_t id;
  std::mutex mutex;
  std::condition_variable changed;
  bool has_head = false;
  bool ended = false;
  Response response;
  std::atomic<std::uint64_t> bytes = 0;
  std::function<void(std::uint64_t)> on_progress;

 private:
  void put(Head& head) {
    response.status = head.status;
    response.url = std::move(head.url);
    response.headers = std::move(head.headers);
    has_head = true;
  }
  void put(BodyPart& part) { response.body += part.bytes; }
  void put(Progress& progress) {
    bytes = progress.bytes;
    if (on_progress) on_progress(bytes);
  }
  void put(End& end) {
    if (ended) return;
    response.failure = end.failure;
    response.message = std::move(end.message);
    response.bytes = end.bytes;
    bytes = end.bytes;
    ended = true;
  }
};

namespace {

// The program's environment: what libcurl, the resolver and OpenSSL heed, and no more of the
// user's.
std::vector<std::string> fetch_environment() {
  static constexpr const char* kNames[] = {"http_proxy",    "HTTP_PROXY",   "https_proxy", "HTTPS_PROXY",
                                           "all_proxy",     "ALL_PROXY",    "no_proxy",    "NO_PROXY",
                                           "SSL_CERT_FILE", "SSL_CERT_DIR", "RES_OPTIONS", "LOCALDOMAIN"};
  std::vector<std::string> environment;
  for (const char* name : kNames)
    if (const char* value = ::getenv(name)) environment.push_back(std::string(name) + "=" + value);
  return environment;
}

}  // namespace

class Client::Impl {
 public:
  Impl(sys::UniqueFd socket, sys::Child child) : socket_(std::move(socket)), child_(std::move(child)) {
    reader_ = std::thread([this] { read_messages(); });
  }
  ~Impl() {
    sys::shut_down(socket_.get());  // strata-fetch ends, and so does the reader
    reader_.join();
    (void)child_.wait();
  }

  Result<std::shared_ptr<Transfer::State>> begin(const Request& request) {
    RequestMessage message;
    message.method = request.method;
    message.url = request.url;
    message.headers = request.headers;
    message.max_body = request.max_body;
    message.range_start = request.range_start;
    message.verify = request.tls.verify;
    std::vector<int> fds;
    std::vector<sys::UniqueFd> owned;
    const auto hand_over = [&](const char* name, std::string_view content) -> Result<> {
      owned.push_back(TRY(sys::memory_file(name, content)));
      fds.push_back(owned.back().get());
      return {};
    };
    if (request.output >= 0) {
      message.has_output = true;
      fds.push_back(request.output);
    }
    if (!request.body.empty()) {
      message.has_upload = true;
      message.upload_size = request.body.size();
      TRY(hand_over("body", request.body));
    } else if (request.upload >= 0) {
      message.has_upload = true;
      message.upload_size = request.upload_size;
      fds.push_back(request.upload);
    }
    if (!request.tls.ca.empty()) {
      message.has_ca = true;
      TRY(hand_over("ca", request.tls.ca));
    }
    if (!request.tls.certificate.empty()) {
      message.has_client_certificate = true;
      TRY(hand_over("certificate", request.tls.certificate));
      TRY(hand_over("key", request.tls.key));
    }
    auto state = enlist(request);
    message.id = state->id;
    if (auto sent = sys::send_message(socket_.get(), encode(message), fds); !sent) {
      forget(state->id);
      const int number = sent.error().error_number();
      if (number == EPIPE || number == ECONNRESET) return process_is_gone();
      return std::move(sent).take_error();
    }
    return state;
  }

  void cancel(std::uint64_t id) {
    forget(id);
    (void)sys::send_message(socket_.get(), encode(ToFetch(CancelMessage{id})));
  }

 private:
  static Error process_is_gone() { return Error(ErrorKind::kUnavailable, "strata-fetch has ended unexpectedly"); }

  std::shared_ptr<Transfer::State> enlist(const Request& request) {
    const std::lock_guard lock(mutex_);
    auto state = std::make_shared<Transfer::State>(++last_id_);
    state->on_progress = request.on_progress;
    if (gone_)
      state->fail(Failure::kProcess, process_is_gone().message());
    else
      transfers_[state->id] = state;
    return state;
  }
  void forget(std::uint64_t id) {
    const std::lock_guard lock(mutex_);
    transfers_.erase(id);
  }

  void read_messages() {
    while (true) {
      auto message = sys::receive_message(socket_.get());
      if (!message || message->bytes.empty()) break;
      auto decoded = decode_to_command(message->bytes);
      if (!decoded) break;
      const std::uint64_t id = std::visit([](const auto& m) { return m.id; }, *decoded);
      std::shared_ptr<Transfer::State> state;
      {
        const std::lock_guard lock(mutex_);
        const auto at = transfers_.find(id);
        if (at == transfers_.end()) continue;
        state = at->second;
        if (std::holds_alternative<End>(*decoded)) transfers_.erase(at);
      }
      state->take(std::move(*decoded));
    }
    const std::lock_guard lock(mutex_);
    gone_ = true;
    for (auto& [id, state] : transfers_) state->fail(Failure::kProcess, process_is_gone().message());
    transfers_.clear();
  }

  sys::UniqueFd socket_;
  sys::Child child_;
  std::mutex mutex_;
  std::uint64_t last_id_ = 0;
  bool gone_ = false;
  std::map<std::uint64_t, std::shared_ptr<Transfer::State>> transfers_;
  std::thread reader_;
};

std::string_view Response::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (key == name) return value;
  return {};
}

Transfer::Transfer(std::shared_ptr<State> state, std::shared_ptr<Client> client)
    : state_(std::move(state)), client_(std::move(client)) {}

Transfer& Transfer::operator=(Transfer&& other) noexcept {
  Transfer old(std::move(*this));
  state_ = std::move(other.state_);
  client_ = std::move(other.client_);
  return *this;
}

Transfer::~Transfer() {
  if (!state_) return;
  bool ended = false;
  {
    const std::lock_guard lock(state_->mutex);
    ended = state_->ended;
    state_->on_progress = nullptr;
  }
  if (!ended) client_->impl_->cancel(state_->id);
}

Response Transfer::wait_head() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->has_head || state_->ended; });
  return state_->response;
}

const Response& Transfer::wait() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->ended; });
  return state_->response;
}

void Transfer::cancel() {
  state_->fail(Failure::kCancelled, "cancelled");
  client_->impl_->cancel(state_->id);
}

std::uint64_t Transfer::bytes() const { return state_->bytes; }

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::shared_ptr<Client>> Client::open(const Options& options) {
  auto sockets = TRY(sys::make_socket_pair(SOCK_SEQPACKET));
  const auto null = TRY(sys::open_file("/dev/null", O_RDWR));
  sys::SpawnOptions spawn;
  spawn.program = options.program;
  spawn.arguments = {"strata-fetch", std::to_string(options.connect_timeout.count()),
                     std::to_string(options.stall_timeout.count())};
  spawn.environment = fetch_environment();
  spawn.fds = {{null.get(), 0}, {null.get(), 1}, {null.get(), 2}, {sockets.second.get(), 3}};
  spawn.new_session = true;  // an interrupt from the keyboard reaches the command, which then decides
  auto child = TRY(sys::spawn(spawn));
  return std::shared_ptr<Client>(new Client(std::make_unique<Impl>(std::move(sockets.first), std::move(child))));
}

Result<Transfer> Client::begin(const Request& request) {
  if (request.url.size() > kMaxUrlBytes)
    return error(ErrorKind::kInvalidArgument, "URL of {} bytes: the limit is {}", request.url.size(), kMaxUrlBytes);
  return Transfer(TRY(impl_->begin(request)), shared_from_this());
}

Result<Response> Client::perform(const Request& request) {
  Transfer transfer = TRY(begin(request));
  return transfer.wait();
}

}  // namespace strata::fetch
