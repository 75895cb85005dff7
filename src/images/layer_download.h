// One layer: a blob in a registry becomes a layer that is verified and unpacked in a lease, ready
// for Layers::commit(). For a pull, and for whoever fetches a lost layer again.
//
// - One process at a time downloads a blob; whoever comes second waits until the first has the
// layer
//   committed (or is gone) and then finds it here, or goes on where the first stopped.
// - Compressed bytes are kept until the layer is complete (images/partial_blob.h), so that what
//   was interrupted goes on with a Range request. Bytes that turn out wrong (the blob's digest
//   decides) are dropped, and the blob is fetched once more from its beginning.
// - Nothing waits for the disk; the undisturbed download pays one write into the page cache.
//
//   LayerDownload download(store, layers, client, {.from = …, .blob = …, .diff_id = …});
//   auto unpacked = TRY(download.run(lease));
//   if (unpacked) TRY(layers.commit(lease, *unpacked, parent));
//   download.done();
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

#include "base/result.h"
#include "images/partial_blob.h"
#include "layers/layers.h"
#include "oci/descriptor.h"
#include "oci/digest.h"
#include "oci/reference.h"
#include "store/lease.h"
#include "store/store.h"

namespace strata::registry {
class Client;
class Download;
}  // namespace strata::registry

namespace strata::images {

struct LayerToDownload {
  oci::Reference from;   // the repository that has it; tag and digest do not matter
  oci::Descriptor blob;  // digest and size are verified
  oci::Digest diff_id;   // is verified
  layers::Limits limits;
  // Asked when nobody else downloads the blob (any more): true when the layer has come meanwhile,
  // and nothing is left to do. Null: it has not. Called by the thread of run().
  std::function<Result<bool>()> is_here;
};

class LayerDownload {
 public:
  enum class Step {
    kIdle,
    kWaiting,      // for another process that downloads this blob
    kDownloading,  // inflating, hashing and indexing go along with it
    kExtracting,   // all bytes are there
    kVerified,
  };

  // What is referred to outlives the object.
  LayerDownload(store::Store& store, layers::Layers& layers, registry::Client& client, LayerToDownload wanted);
  LayerDownload(const LayerDownload&) = delete;
  LayerDownload& operator=(const LayerDownload&) = delete;
  // What has come so far is kept for the next one.
  ~LayerDownload();

  // Call it once. nullopt: is_here() said so. Errors name the layer: those of registry::Client and
  // of Layers::unpack(); kCorrupt when digests are not what was promised; kCancelled.
  Result<std::optional<layers::Unpacked>> run(store::Lease& lease);
  // run() ends soon. Any thread.
  void cancel();

  // The layer is committed (or turned out to be here): nothing needs to be kept. Others may go on.
  void done();
  // Others may have the blob although the layer is not committed; they will inflate what is kept.
  // For whoever would otherwise wait for another blob while holding this one. Without effect before
  // kVerified.
  void let_others();

  // For progress; any thread.
  Step step() const;
  std::uint64_t received() const;  // bytes of the blob, those that were kept included

 private:
  Result<> wait_for_blob();
  Result<layers::Unpacked> attempt(store::Lease& lease, std::uint64_t offset);
  Result<> begin(registry::Download* download, std::uint64_t offset);
  Result<> verify(const layers::Unpacked& unpacked) const;
  bool is_cancelled() const;
  Error refused(Error reason);
  Error interrupted(Error reason);

  store::Store& store_;
  layers::Layers& layers_;
  registry::Client& client_;
  const LayerToDownload wanted_;
  bool bytes_were_wrong_ = false;  // of the last attempt; run()'s thread only

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable cancelled_changed_;
  bool cancelled_ = false;
  Step step_ = Step::kIdle;
  std::uint64_t offset_ = 0;
  registry::Download* download_ = nullptr;  // while it runs
  std::optional<PartialBlob> partial_;
};

}  // namespace strata::images
