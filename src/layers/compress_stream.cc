#include "layers/compress_stream.h"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/strings.h"
#include "codec/sha256.h"
#include "sys/file.h"

namespace strata::layers {
namespace {

// Threads take chunks in turn and put them out in the chunks' order.
class Compressing {
 public:
  explicit Compressing(const CompressOptions& options) : options_(options) {}

  Result<WorkerReport> run() {
    tar_size_ = static_cast<std::uint64_t>(TRY(sys::stat_fd(options_.tar)).st_size);
    // An empty tar is still one member.
    chunks_ = std::max<std::uint64_t>(1, (tar_size_ + kCompressChunk - 1) / kCompressChunk);
    {
      std::vector<std::jthread> threads;
      for (unsigned i = 0; i < options_.threads; ++i) threads.emplace_back([this] { work(); });
    }
    if (failure_) return *std::move(failure_);
    WorkerReport report;
    report.compression = options_.compression;
    report.blob_digest = hex(blob_hash_.finish());
    report.blob_size = blob_size_;
    report.diff_id = hex(tar_hash_.finish());
    report.tar_size = tar_size_;
    return report;
  }

 private:
  void work() {
    std::vector<std::byte> chunk;
    while (true) {
      std::uint64_t index = 0;
      {
        const std::scoped_lock lock(mutex_);
        if (failure_ || next_ == chunks_) return;
        index = next_++;
      }
      Result<> done = compress_one(index, chunk);
      if (done) continue;
      const std::scoped_lock lock(mutex_);
      if (!failure_) failure_ = std::move(done).take_error();
      turn_changed_.notify_all();
      return;
    }
  }

  Result<> compress_one(std::uint64_t index, std::vector<std::byte>& chunk) {
    const std::uint64_t offset = index * kCompressChunk;
    chunk.resize(std::min<std::uint64_t>(kCompressChunk, tar_size_ - offset));
    if (!chunk.empty() && TRY(sys::pread_full(options_.tar, chunk, offset)) != chunk.size())
      return error(ErrorKind::kCorrupt, "the tar became shorter");
    codec::MemorySink compressed;
    const auto compressor = TRY(options_.compress(options_.compression, compressed));
    TRY(compressor->write(chunk));
    TRY(compressor->finish());

    std::unique_lock lock(mutex_);
    turn_changed_.wait(lock, [&] { return turn_ == index || failure_; });
    if (failure_) return {};
    // Only one thread has the turn, so the lock is not needed for the work.
    lock.unlock();
    const auto bytes = std::as_bytes(std::span(compressed.bytes()));
    TRY(sys::write_all(options_.output, bytes));
    blob_hash_.update(bytes);
    tar_hash_.update(chunk);
    blob_size_ += bytes.size();
    lock.lock();
    ++turn_;
    turn_changed_.notify_all();
    return {};
  }

  const CompressOptions& options_;
  std::uint64_t tar_size_ = 0;
  std::uint64_t chunks_ = 0;
  codec::Sha256 blob_hash_, tar_hash_;  // these and blob_size_: whoever has the turn
  std::uint64_t blob_size_ = 0;

  std::mutex mutex_;
  std::condition_variable turn_changed_;
  std::uint64_t next_ = 0;
  std::uint64_t turn_ = 0;
  std::optional<Error> failure_;
};

}  // namespace

Result<WorkerReport> compress_stream(const CompressOptions& options) { return Compressing(options).run(); }

}  // namespace strata::layers
