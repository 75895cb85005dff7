#include "images/layer_download.h"

#include <algorithm>

#include "registry/client.h"
#include "sys/file.h"

namespace strata::images {
namespace {

// A lock that another process holds is asked for again so often.
constexpr std::chrono::milliseconds kAskAgain{20};

}  // namespace

LayerDownload::LayerDownload(store::Store& store, layers::Layers& layers, registry::Client& client,
                             LayerToDownload wanted)
    : store_(store), layers_(layers), client_(client), wanted_(std::move(wanted)) {}

LayerDownload::~LayerDownload() = default;

LayerDownload::Step LayerDownload::step() const {
  const std::scoped_lock lock(mutex_);
  if (step_ == Step::kDownloading && download_ != nullptr && offset_ + download_->received() >= wanted_.blob.size)
    return Step::kExtracting;
  return step_;
}

std::uint64_t LayerDownload::received() const {
  const std::scoped_lock lock(mutex_);
  return offset_ + (download_ != nullptr ? download_->received() : 0);
}

void LayerDownload::cancel() {
  {
    const std::scoped_lock lock(mutex_);
    cancelled_ = true;
    if (download_ != nullptr) download_->cancel();
  }
  cancelled_changed_.notify_all();
}

void LayerDownload::done() {
  const std::scoped_lock lock(mutex_);
  // Let go before: whoever has it now does the same when he is done.
  if (!partial_) partial_ = PartialBlob::try_open(store_, wanted_.blob.digest).value_or(std::nullopt);
  if (partial_) (void)std::move(*partial_).remove();  // else it grows old and goes
  partial_.reset();
}

void LayerDownload::let_others() {
  const std::scoped_lock lock(mutex_);
  if (step_ == Step::kVerified) partial_.reset();
}

Result<> LayerDownload::wait_for_blob() {
  while (true) {
    auto mine = TRY(PartialBlob::try_open(store_, wanted_.blob.digest));
    std::unique_lock lock(mutex_);
    if (cancelled_) return error(ErrorKind::kCancelled, "cancelled");
    if (mine) {
      partial_ = std::move(mine);
      return {};
    }
    step_ = Step::kWaiting;
    cancelled_changed_.wait_for(lock, kAskAgain, [this] { return cancelled_; });
  }
}

// With null: the download is over.
Result<> LayerDownload::begin(registry::Download* download, std::uint64_t offset) {
  const std::scoped_lock lock(mutex_);
  download_ = download;
  if (download == nullptr) return {};
  if (cancelled_) {
    download_ = nullptr;
    return error(ErrorKind::kCancelled, "cancelled");
  }
  offset_ = offset;
  step_ = Step::kDownloading;
  return {};
}

Result<> LayerDownload::verify(const layers::Unpacked& unpacked) const {
  if (unpacked.blob_digest != wanted_.blob.digest)
    return error(ErrorKind::kCorrupt, "the bytes received have another digest, {}", unpacked.blob_digest.to_string());
  if (unpacked.diff_id != wanted_.diff_id)
    return error(ErrorKind::kCorrupt, "its tar has digest {}, the image config promises {}",
                 unpacked.diff_id.to_string(), wanted_.diff_id.to_string());
  return {};
}

bool LayerDownload::is_cancelled() const {
  const std::scoped_lock lock(mutex_);
  return cancelled_;
}

// What is damaged, too large or not what was promised is of no use to the next one.
Error LayerDownload::refused(Error reason) {
  if (reason.kind() == ErrorKind::kCorrupt || reason.kind() == ErrorKind::kResourceExhausted) {
    bytes_were_wrong_ = true;
    (void)partial_->discard();
  }
  return reason;
}

// What came before a transfer broke is of use, unless the blob has another size than was promised.
Error LayerDownload::interrupted(Error reason) {
  return reason.kind() == ErrorKind::kCorrupt ? refused(std::move(reason)) : reason;
}

Result<layers::Unpacked> LayerDownload::attempt(store::Lease& lease, std::uint64_t offset) {
  bytes_were_wrong_ = false;
  auto download = TRY(client_.open_blob(wanted_.from, wanted_.blob, offset));
  TRY(begin(&download, offset));
  auto unpacked = layers_.unpack(lease, download.fd(), wanted_.limits, partial_->fd());
  (void)begin(nullptr, 0);
  if (!unpacked) {
    (void)download.take_fd();
    if (is_cancelled()) return error(ErrorKind::kCancelled, "cancelled");
    // Damaged bytes are what a transfer that broke looks like from the other end of the pipe.
    if (unpacked.error().kind() == ErrorKind::kCorrupt)
      if (Result<> whole = download.finish(); !whole) return interrupted(std::move(whole).take_error());
    return refused(std::move(unpacked).take_error());
  }
  const Result<> whole = download.finish();
  const Result<> verified = verify(*unpacked);
  if (whole && verified) return unpacked;
  (void)sys::remove_file(unpacked->tar_path);
  (void)sys::remove_file(unpacked->index_path);
  if (!whole) return interrupted(whole.error());
  return refused(verified.error());
}

Result<std::optional<layers::Unpacked>> LayerDownload::run(store::Lease& lease) {
  const std::string layer = "layer " + wanted_.blob.digest.to_string();
  TRY(wait_for_blob(), "{}", layer);
  if (wanted_.is_here && TRY(wanted_.is_here())) return std::nullopt;
  if (TRY(partial_->size()) > wanted_.blob.size) TRY(partial_->discard());
  const std::uint64_t offset = TRY(partial_->size());
  auto unpacked = attempt(lease, offset);
  if (!unpacked && offset > 0 && bytes_were_wrong_) unpacked = attempt(lease, 0);
  if (!unpacked) {
    if (unpacked.error().kind() == ErrorKind::kNotFound) done();
    return std::move(unpacked).take_error().with_context(layer);
  }
  const std::scoped_lock lock(mutex_);
  step_ = Step::kVerified;
  return std::optional(*std::move(unpacked));
}

}  // namespace strata::images
