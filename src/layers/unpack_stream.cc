#include "layers/unpack_stream.h"

#include <algorithm>
#include <thread>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "codec/sha256.h"
#include "codec/tar_reader.h"
#include "layers/broadcast.h"
#include "layers/index.h"
#include "layers/kept_bytes.h"
#include "layers/layers.h"
#include "sys/file.h"
#include "sys/mount.h"

namespace strata::layers {
namespace {

constexpr std::size_t kBlobBuffer = 64 << 10, kBlobBuffers = 6;
constexpr std::size_t kTarBuffer = 256 << 10, kTarBuffers = 4;
constexpr std::uint64_t kSpaceCheckEvery = 8 << 20;

// Shared by the threads; it lives as long as the last of them, which after an error is the process.
struct Pipeline {
  explicit Pipeline(const UnpackOptions& o) : options(o) {}
  UnpackOptions options;
  Broadcast blob{1, kBlobBuffers, kBlobBuffer};  // consumer: inflate
  Broadcast tar{3, kTarBuffers, kTarBuffer};     // consumers: hash, write, tree
  codec::Sha256Digest blob_digest{}, tar_digest{};
  std::uint64_t blob_size = 0, tar_size = 0;
  codec::Compression compression = codec::Compression::kNone;
  std::mutex mutex;
  std::optional<Error> failed;  // the first one that is not only a consequence

  void fail(Error why) {
    {
      const std::lock_guard lock(mutex);
      if (!failed && why.kind() != ErrorKind::kCancelled) failed = std::move(why);
    }
    blob.stop();
    tar.stop();
  }
};

// The blob's bytes: first those that were kept, then the input's, which are kept.
class BlobReader {
 public:
  explicit BlobReader(const UnpackOptions& options)
      : options_(options), kept_(options.kept), replaying_(options.kept >= 0) {}

  // At least one byte, unless the end is reached.
  Result<std::size_t> read(std::span<std::byte> buffer) {
    if (replaying_) {
      const std::size_t got = TRY(sys::pread_full(options_.kept, buffer, position_));
      position_ += got;
      if (got > 0) return got;
      replaying_ = false;
    }
    const std::size_t got = TRY(sys::read_some(options_.input, buffer));
    kept_.append(buffer.first(got), position_);
    position_ += got;
    return got;
  }

 private:
  const UnpackOptions& options_;
  KeptBytes kept_;
  std::uint64_t position_ = 0;
  bool replaying_;
};

Result<> read_and_hash_blob(Pipeline& p) {
  BlobReader blob(p.options);
  codec::Sha256 hash;
  bool wanted = true;
  for (;;) {
    const std::span<std::byte> buffer = p.blob.reserve();
    if (buffer.empty()) return error(ErrorKind::kCancelled, "another part failed");
    std::size_t length = TRY(blob.read(buffer));
    if (p.blob_size == 0) {
      for (std::size_t more = length; more > 0 && length < codec::kCompressionHeadSize; length += more)
        more = TRY(blob.read(buffer.subspan(length)));
      // Of a blob that is the tar itself, the tar's hash is enough.
      wanted = codec::detect_compression(buffer.first(std::min(length, codec::kCompressionHeadSize))) !=
               codec::Compression::kNone;
    }
    if (length == 0) break;
    p.blob_size += length;
    p.blob.publish(length);
    if (wanted) hash.update(buffer.first(length));
  }
  p.blob_digest = hash.finish();
  p.blob.finish({});
  return {};
}

template <class Use>
void consume(Pipeline& p, Broadcast& broadcast, std::size_t consumer, Use use) {
  for (;;) {
    const Result<std::span<const std::byte>> bytes = broadcast.next(consumer);
    if (!bytes) return p.fail(bytes.error());
    if (bytes->empty()) return;
    if (Result<> used = use(*bytes); !used) return p.fail(std::move(used).take_error());
    broadcast.done(consumer);
  }
}

void read_blob(Pipeline& p) {
  if (Result<> outcome = read_and_hash_blob(p); !outcome) p.fail(std::move(outcome).take_error());
}

void hash_tar(Pipeline& p) {
  codec::Sha256 state;
  consume(p, p.tar, 0, [&](std::span<const std::byte> bytes) -> Result<> {
    state.update(bytes);
    return {};
  });
  p.tar_digest = state.finish();
}

Result<> inflate_all(Pipeline& p) {
  BroadcastSource raw(p.blob, 0);
  const auto head = TRY(codec::PeekedSource::create(raw, codec::kCompressionHeadSize));
  p.compression = codec::detect_compression(head->head());
  const auto inflated = TRY(p.options.decompress(p.compression, *head));
  for (;;) {
    const std::span<std::byte> buffer = p.tar.reserve();
    if (buffer.empty()) return error(ErrorKind::kCancelled, "another part failed");
    const std::size_t got = TRY(codec::read_full(*inflated, buffer));
    p.tar_size += got;
    if (p.tar_size > p.options.max_tar_size)
      return error(ErrorKind::kResourceExhausted, "layer inflates beyond the limit of {} bytes",
                   p.options.max_tar_size);
    if (got == 0) break;
    p.tar.publish(got);
  }
  return raw.drain();
}

void inflate(Pipeline& p) {
  Result<> outcome = inflate_all(p);
  if (!outcome) return p.fail(std::move(outcome).take_error());
  p.tar.finish({});
}

void write_tar(Pipeline& p) {
  std::uint64_t position = 0, checked = 0;
  consume(p, p.tar, 1, [&](std::span<const std::byte> bytes) -> Result<> {
    if (p.options.in_place) return {};
    if (position >= checked) {
      const std::uint64_t space = TRY(sys::free_space(p.options.tar));
      if (space < kSpaceLeft + kSpaceCheckEvery)
        return error(ErrorKind::kResourceExhausted,
                     "no space left for the layer: {} free where the store is, {} of it are kept free",
                     human_size(space), human_size(kSpaceLeft));
      checked += kSpaceCheckEvery;
    }
    TRY(sys::pwrite_all(p.options.tar, bytes, position));
    position += bytes.size();
    return {};
  });
}

Result<> grow_tree(Pipeline& p, LayerTree& tree) {
  BroadcastSource source(p.tar, 2);
  codec::TarReader reader(source);
  while (const std::optional<codec::TarEntry> entry = TRY(reader.next())) TRY(tree.add(*entry));
  return source.drain();
}

}  // namespace

Result<UnpackedStream> unpack_stream(const UnpackOptions& options) {
  auto shared = std::make_shared<Pipeline>(options);
  Pipeline& p = *shared;
  std::vector<std::thread> threads;
  threads.emplace_back([shared] { read_blob(*shared); });
  threads.emplace_back([shared] { inflate(*shared); });
  threads.emplace_back([shared] { hash_tar(*shared); });
  threads.emplace_back([shared] { write_tar(*shared); });

  UnpackedStream result;
  result.tree = std::make_unique<LayerTree>(options.tree_limits);
  Result<> grown = grow_tree(p, *result.tree);
  if (grown) grown = result.tree->finish(options.implied_attributes);
  if (!grown) p.fail(std::move(grown).take_error());
  {
    const std::lock_guard lock(p.mutex);
    if (p.failed) {
      // The reader may wait for a peer that never speaks again.
      for (std::thread& thread : threads) thread.detach();
      return *p.failed;
    }
  }
  for (std::thread& thread : threads) thread.join();
  if (p.failed) return *p.failed;

  WorkerReport& report = result.report;
  report.blob_digest = hex(p.compression == codec::Compression::kNone ? p.tar_digest : p.blob_digest);
  report.blob_size = p.blob_size;
  report.compression = p.compression;
  report.diff_id = hex(p.tar_digest);
  report.tar_size = p.tar_size;
  report.entries = result.tree->entries();
  std::vector<std::uint64_t> offsets;
  if (options.index >= 0) {
    const IndexInfo info =
        TRY(write_index(result.tree->tree(), options.key.empty() ? report.diff_id : options.key, report.diff_id,
                        options.in_place ? options.input : options.tar, report.tar_size, options.index));
    report.index_size = info.size;
    report.index_digest = hex(info.digest);
    offsets = info.inode_offsets;
  }
  for (const ImpliedParent& parent : result.tree->implied())
    report.implied.push_back({parent.path, offsets.empty() ? 0 : offsets[parent.inode]});
  return result;
}

}  // namespace strata::layers
