// A blob's download: one thread per Download keeps the write end of the pipe and lends it to one
// transfer after another until the blob is whole, so that a broken connection, or a mirror that
// dies, is only a pause.
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "registry/client_impl.h"
#include "registry/registry_error.h"
#include "sys/partial_io.h"

namespace strata::registry {
namespace {

constexpr int kPipeBytes = 1 << 20;

}  // namespace

class Download::State {
 public:
  State(Session& session, Endpoints sources, const oci::Reference& repository, const oci::Descriptor& blob,
        std::uint64_t offset)
      : session_(session),
        sources_(std::move(sources)),
        repository_(repository),
        blob_(blob),
        position_(offset),
        start_(offset) {}

  ~State() {
    cancel();
    read_end.reset();
    if (thread_.joinable()) thread_.join();
  }

  void cancel() {
    {
      const std::lock_guard lock(mutex_);
      abandoned_ = true;
      if (transfer_) transfer_->cancel();
    }
    changed_.notify_all();
  }

  // The first transfer is opened by the caller's thread, so that it hears of a refusal.
  Result<> start() {
    auto pipe = TRY(sys::make_pipe());
    sys::widen_pipe(pipe.write.get(), kPipeBytes);
    read_end = std::move(pipe.read);
    write_end_ = std::move(pipe.write);
    if (position_ == blob_.size && position_ > 0) {  // a range that no server grants, and nothing to wait for
      write_end_.reset();
      return {};
    }
    transfer_.emplace(TRY(open_somewhere()));
    thread_ = std::thread([this] { drive(); });
    return {};
  }

  std::uint64_t received() const {
    const std::lock_guard lock(mutex_);
    return position_ - start_ + (transfer_ ? transfer_->bytes() : 0);
  }

  Result<> finish() {
    read_end.reset();
    if (thread_.joinable()) thread_.join();
    if (failure_) return *failure_;
    return {};
  }

  sys::UniqueFd read_end;

 private:
  Call call() const {
    Call call;
    call.path = repository_path(repository_, "blobs/" + blob_.digest.to_string());
    call.scopes = pull_scope(repository_);
    call.output = write_end_.get();
    call.range_start = position_;
    call.max_body = blob_.size - position_;
    return call;
  }

  Result<fetch::Transfer> open_somewhere() {
    return from_first(session_, *sources_, [&](const Endpoint& endpoint) -> Result<fetch::Transfer> {
      Opened opened = TRY(session_.open(endpoint, call()));
      host_ = endpoint.host;
      return std::move(opened.transfer);
    });
  }

  void drive() {
    int attempt = 0;
    while (true) {
      const fetch::Response response = transfer_->wait();
      {
        const std::lock_guard lock(mutex_);
        position_ += response.bytes;
        transfer_.reset();
        if (abandoned_) break;
      }
      if (response.bytes > 0) attempt = 0;
      if (settle(response)) break;
      if (response.failure != fetch::Failure::kNone && !pause(attempt++)) break;
      auto again = open_somewhere();
      const std::lock_guard lock(mutex_);
      if (!again) {
        failure_ = std::move(again).take_error();
        break;
      }
      transfer_.emplace(std::move(*again));
      if (abandoned_) {
        transfer_.reset();
        break;
      }
    }
    if (failure_) failure_ = std::move(*failure_).with_context("blob " + blob_.digest.to_string());
    write_end_.reset();
  }

  // True when this was the end, with or without failure_.
  bool settle(const fetch::Response& response) {
    using fetch::Failure;
    // A server may give less than the range that was asked for.
    if (response.failure == Failure::kNone && response.status == 206 && response.bytes > 0 && position_ < blob_.size)
      return false;
    if (response.failure == Failure::kNone) {
      if (position_ != blob_.size)
        failure_ =
            error(ErrorKind::kCorrupt, "{} sent {} bytes where the manifest says {}", host_, position_, blob_.size);
      return true;
    }
    if (response.failure == Failure::kOutput) return true;  // the reader's affair
    if (response.failure == Failure::kLimit) {
      failure_ =
          error(ErrorKind::kCorrupt, "{} sends more than the {} bytes that the manifest says", host_, blob_.size);
      return true;
    }
    last_ = to_error(response, host_);
    const bool passing = response.failure == Failure::kBroken || response.failure == Failure::kTimeout;
    if (!passing) failure_ = last_;
    return !passing;
  }

  // False when there is no more to be tried.
  bool pause(int attempt) {
    const Settings& settings = session_.settings();
    if (attempt >= settings.retries) {
      failure_ = last_;
      return false;
    }
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, settings.first_retry_pause * (1 << attempt), [this] { return abandoned_; });
    return !abandoned_;
  }

  Session& session_;
  const Endpoints sources_;
  const oci::Reference repository_;
  const oci::Descriptor blob_;
  sys::UniqueFd write_end_;
  std::string host_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  bool abandoned_ = false;
  std::uint64_t position_;  // of the blob, that the transfers before this one have reached
  const std::uint64_t start_;
  std::optional<fetch::Transfer> transfer_;
  std::optional<Error> last_;
  std::optional<Error> failure_;  // read when the thread is gone
  std::thread thread_;
};

Download::Download(std::unique_ptr<State> state) : state_(std::move(state)) {}
Download::Download(Download&&) noexcept = default;
Download& Download::operator=(Download&&) noexcept = default;
Download::~Download() = default;

int Download::fd() const { return state_->read_end.get(); }
sys::UniqueFd Download::take_fd() { return std::move(state_->read_end); }
std::uint64_t Download::received() const { return state_->received(); }
void Download::cancel() { state_->cancel(); }
Result<> Download::finish() { return state_->finish(); }

Result<Download> start_download(Session& session, Endpoints sources, const oci::Reference& repository,
                                const oci::Descriptor& blob, std::uint64_t offset) {
  auto state = std::make_unique<Download::State>(session, std::move(sources), repository, blob, offset);
  TRY(state->start(), "blob {}", blob.digest.to_string());
  return Download(std::move(state));
}

}  // namespace strata::registry
