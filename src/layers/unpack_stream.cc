#include "layers/unpack_stream.h"

#include <algorithm>
#include <future>
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
  Broadcast blob{2, kBlobBuffers, kBlobBuffer};  // consumers: hash, inflate
  Broadcast tar{3, kTarBuffers, kTarBuffer};     // consumers: hash, write, tree
  codec::Sha256Digest blob_digest{}, tar_digest{};
  std::uint64_t blob_size = 0, tar_size = 0;
  codec::Compression compression = codec::Compression::kNone;
  std::promise<bool> same_bytes;  // whether blob and tar are the same: then one is not hashed
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

void read_blob(Pipeline& p) {
  KeptBytes kept(p.options.kept);
  bool replaying = p.options.kept >= 0;
  for (;;) {
    const std::span<std::byte> buffer = p.blob.reserve();
    if (buffer.empty()) return;
    const Result<std::size_t> got =
        replaying ? sys::pread_full(p.options.kept, buffer, p.blob_size) : sys::read_some(p.options.input, buffer);
    if (!got) return p.fail(got.error());
    if (*got == 0 && replaying) {
      replaying = false;
      continue;
    }
    if (*got == 0) return p.blob.finish({});
    if (!replaying) kept.append(buffer.first(*got), p.blob_size);
    p.blob_size += *got;
    p.blob.publish(*got);
  }
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

void hash(Pipeline& p, Broadcast& broadcast, codec::Sha256Digest& digest, bool wanted) {
  codec::Sha256 state;
  consume(p, broadcast, 0, [&](std::span<const std::byte> bytes) -> Result<> {
    if (wanted) state.update(bytes);
    return {};
  });
  digest = state.finish();
}

void hash_blob(Pipeline& p) {
  const bool same = p.same_bytes.get_future().get();
  hash(p, p.blob, p.blob_digest, !same);
}

Result<> inflate_all(Pipeline& p) {
  BroadcastSource raw(p.blob, 1);
  const auto head = codec::PeekedSource::create(raw, codec::kCompressionHeadSize);
  if (head) p.compression = codec::detect_compression((*head)->head());
  p.same_bytes.set_value(p.compression == codec::Compression::kNone);
  if (!head) return head.error();
  codec::PeekedSource* const peeked = head->get();
  const auto inflated = TRY(p.options.decompress(p.compression, *peeked));
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
  threads.emplace_back([shared] { hash_blob(*shared); });
  threads.emplace_back([shared] { inflate(*shared); });
  threads.emplace_back([shared] { hash(*shared, shared->tar, shared->tar_digest, true); });
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
