// Pull: reference -> manifest (of an index the one for this platform) -> config -> all layers at
// once, each through a worker that inflates and hashes it -> committed bottom first as soon as what
// is below is there -> one record.
//
// Nothing is visible before the record; layers that were committed when a later one failed stay for
// the next pull and are garbage for the next prune.
#include <fcntl.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <map>
#include <mutex>
#include <thread>

#include "base/strings.h"
#include "images/images.h"
#include "images/layer_download.h"
#include "images/partial_blob.h"
#include "images/records.h"
#include "images/remote_image.h"
#include "layers/layers.h"
#include "oci/chain_id.h"
#include "registry/client.h"
#include "store/database.h"
#include "store/lease.h"
#include "store/reference.h"
#include "sys/file.h"
#include "sys/mount.h"

namespace strata::images {
namespace {

using State = PullProgress::State;

// Each layer in flight has a worker of its own; more of them than this do not make a pull faster.
constexpr std::size_t kLayersAtOnce = 6;
// Bytes of indexes; the memory that a pull may take bounds them.
constexpr std::uint64_t kMergedWithAPull = 8 << 20;
constexpr std::chrono::milliseconds kProgressPeriod{100};

// One layer of the manifest on its way.
struct LayerWork {
  oci::Descriptor blob;
  oci::Digest diff_id;
  oci::Digest chain_id;
  enum class Plan { kPresent, kReuse, kFetch } plan = Plan::kFetch;
  std::optional<layers::Unpacked> unpacked;
  std::unique_ptr<LayerDownload> download;  // made when its turn comes
};

}  // namespace

class Pull {
 public:
  Pull(Images& images, registry::Client& client, const oci::Reference& reference, const PullOptions& options,
       PullProgress& progress)
      : images_(images),
        store_(images.store_),
        layers_(images.layers_),
        client_(client),
        reference_(reference.with_default_tag()),
        options_(options),
        progress_(progress) {}

  Result<Pulled> run();

 private:
  Result<std::optional<Image>> already_here();
  Result<> plan(store::Lease& lease);
  Result<> check_space();
  Result<> fetch_layers(store::Lease& lease);
  Result<> fetch_layer(store::Lease& lease, LayerWork& work);
  void let_others_have_verified_layers();
  Result<> commit_layers(store::Lease& lease);
  void merge_layers();
  Result<> commit_layer(store::Lease& lease, std::size_t index);
  Result<> hold(const Image& image);
  Result<Pulled> record(bool downloaded);
  Result<bool> name_image(const oci::Digest& id);
  Result<> keep_origins(std::span<const oci::Digest> diff_ids);
  void report(const LayerWork& work, State state, std::uint64_t done = 0);
  void report_downloads();
  void fail(Error reason);

  Images& images_;
  store::Store& store_;
  layers::Layers& layers_;
  registry::Client& client_;
  const oci::Reference reference_;
  const PullOptions& options_;
  PullProgress& progress_;

  RemoteManifest remote_;
  RemoteConfig config_;
  std::vector<LayerWork> work_;

  // Guards the progress, each work's plan, download and unpacked while threads run; failure_.
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Error> failure_;
};

void Pull::report(const LayerWork& work, State state, std::uint64_t done) {
  progress_.layer(static_cast<std::size_t>(&work - work_.data()), state, done, work.blob.size);
}

// The image when its config and all its layers are here: then the names are all that is left to do.
Result<std::optional<Image>> Pull::already_here() {
  if (!TRY(records::is_visible(store_.db(), remote_.manifest.config.digest))) return std::nullopt;
  Image image = TRY(images_.get(remote_.manifest.config.digest));
  // Not what this manifest describes: fetch_config() says so.
  if (image.config.diff_ids.size() != remote_.manifest.layers.size()) return std::nullopt;
  for (const oci::Digest& chain : image.chain_ids)
    if (!TRY(layers_.find(chain))) return std::nullopt;
  return image;
}

Result<> Pull::plan(store::Lease& lease) {
  const auto chain_ids = oci::chain_ids(config_.config.diff_ids);
  work_.resize(remote_.manifest.layers.size());
  std::vector<oci::Digest> blobs;
  {
    // Held first, looked up then: what is found stays.
    store::Transaction change = TRY(store_.db().begin());
    for (const oci::Digest& chain : chain_ids) TRY(lease.hold(store::kLayer, chain.to_string()));
    TRY(change.commit());
  }
  std::map<oci::Digest, std::size_t> first;
  for (std::size_t i = 0; i < work_.size(); ++i) {
    LayerWork& work = work_[i];
    work.blob = remote_.manifest.layers[i];
    work.diff_id = config_.config.diff_ids[i];
    work.chain_id = chain_ids[i];
    blobs.push_back(work.blob.digest);
    const bool here = TRY(layers_.find(work.chain_id)).has_value();
    const bool repeated = !first.emplace(work.diff_id, i).second;
    if (here)
      work.plan = LayerWork::Plan::kPresent;
    else if (repeated || TRY(layers_.has_tar(work.diff_id)))
      work.plan = LayerWork::Plan::kReuse;
  }
  progress_.begin(reference_, blobs);
  for (const LayerWork& work : work_)
    report(work, work.plan == LayerWork::Plan::kFetch ? State::kPulling : State::kAlreadyExists);
  return {};
}

// A tar is not smaller than what it is compressed to, so this is the least that the layers take.
// The worker that inflates one looks again while it does.
Result<> Pull::check_space() {
  std::uint64_t needed = 0;
  for (const LayerWork& work : work_)
    if (work.plan == LayerWork::Plan::kFetch) needed += std::min(work.blob.size, UINT64_MAX - needed);
  if (needed == 0) return {};
  const sys::UniqueFd root = TRY(sys::open_file(store_.paths().root, O_RDONLY | O_DIRECTORY));
  const std::uint64_t space = TRY(sys::free_space(root.get()));
  if (needed < space && space - needed >= layers::kSpaceLeft) return {};
  return error(ErrorKind::kResourceExhausted,
               "no space left for the image: its layers take {} and more, {} are free where the store "
               "is, {} of it are kept free",
               human_size(needed), human_size(space), human_size(layers::kSpaceLeft));
}

// The errors name the layer. Another process may turn out to have brought it.
Result<> Pull::fetch_layer(store::Lease& lease, LayerWork& work) {
  LayerDownload* download = nullptr;
  {
    const std::scoped_lock lock(mutex_);
    if (failure_) return *failure_;
    work.download = std::make_unique<LayerDownload>(
        store_, layers_, client_,
        LayerToDownload{.from = reference_,
                        .blob = work.blob,
                        .diff_id = work.diff_id,
                        .limits = {.max_tar_size = options_.max_layer_size},
                        .is_here = [this, &work] { return layers_.has_tar(work.diff_id); }});
    download = work.download.get();
  }
  auto unpacked = TRY(download->run(lease));
  const std::scoped_lock lock(mutex_);
  if (unpacked) {
    work.unpacked = std::move(unpacked);
    report(work, State::kDownloaded, work.blob.size);
  } else {
    download->done();
    work.plan = LayerWork::Plan::kReuse;
  }
  return {};
}

void Pull::report_downloads() {
  for (LayerWork& work : work_) {
    if (work.download == nullptr || work.plan != LayerWork::Plan::kFetch) continue;
    switch (work.download->step()) {
      case LayerDownload::Step::kIdle:
      case LayerDownload::Step::kVerified:
        break;
      case LayerDownload::Step::kWaiting:
        report(work, State::kWaiting);
        break;
      case LayerDownload::Step::kDownloading:
        report(work, State::kDownloading, work.download->received());
        break;
      case LayerDownload::Step::kExtracting:
        report(work, State::kExtracting, work.blob.size);
        break;
    }
  }
}

// With the lock held. Two pulls of the same layers in another order would wait for each other for
// ever, if each kept what it has and can only commit on top of what the other has.
void Pull::let_others_have_verified_layers() {
  const bool waiting = std::ranges::any_of(work_, [](const LayerWork& work) {
    return work.download && work.download->step() == LayerDownload::Step::kWaiting;
  });
  if (!waiting) return;
  for (const LayerWork& work : work_)
    if (work.download) work.download->let_others();
}

Result<> Pull::fetch_layers(store::Lease& lease) {
  std::vector<LayerWork*> wanted;
  for (LayerWork& work : work_)
    if (work.plan == LayerWork::Plan::kFetch) wanted.push_back(&work);
  std::atomic<std::size_t> next = 0;
  const auto fetch = [&] {
    for (std::size_t i = next++; i < wanted.size(); i = next++) {
      {
        const std::scoped_lock lock(mutex_);
        if (failure_) return;
      }
      Result<> fetched = fetch_layer(lease, *wanted[i]);
      const std::scoped_lock lock(mutex_);
      if (!fetched) fail(std::move(fetched).take_error());
      changed_.notify_all();
    }
  };
  for (std::size_t i = kLayersAtOnce; i < wanted.size(); ++i) report(*wanted[i], State::kWaiting);
  std::vector<std::jthread> threads;
  for (std::size_t i = 0; i < std::min(wanted.size(), kLayersAtOnce); ++i) threads.emplace_back(fetch);
  return commit_layers(lease);
}

// Bottom first, each as soon as it is there; meanwhile the progress is told.
Result<> Pull::commit_layers(store::Lease& lease) {
  for (std::size_t i = 0; i < work_.size(); ++i) {
    {
      std::unique_lock lock(mutex_);
      while (work_[i].plan == LayerWork::Plan::kFetch && !work_[i].unpacked && !failure_) {
        changed_.wait_for(lock, kProgressPeriod);
        report_downloads();
        let_others_have_verified_layers();
      }
      if (failure_) return *failure_;
    }
    Result<> committed = commit_layer(lease, i);
    if (committed) continue;
    const std::scoped_lock lock(mutex_);
    fail(std::move(committed).take_error());
    return *failure_;
  }
  return {};
}

// With the lock held. The first failure counts; the other layers need not be waited for.
void Pull::fail(Error reason) {
  if (failure_) return;
  failure_ = std::move(reason);
  for (const LayerWork& work : work_)
    if (work.download) work.download->cancel();
}

Result<> Pull::commit_layer(store::Lease& lease, std::size_t index) {
  LayerWork& work = work_[index];
  const std::optional<oci::Digest> parent = index == 0 ? std::nullopt : std::optional(work_[index - 1].chain_id);
  if (work.plan == LayerWork::Plan::kPresent) return {};
  if (work.plan == LayerWork::Plan::kReuse) {
    const auto reused = layers_.reuse(lease, work.diff_id, parent);
    if (reused) {
      const std::scoped_lock lock(mutex_);
      if (work.download) report(work, State::kAlreadyExists);
      return {};
    }
    if (reused.error().kind() != ErrorKind::kNotFound && reused.error().kind() != ErrorKind::kConflict)
      return reused.error().with_context(fmt::format("layer {}", work.blob.digest.to_string()));
    // Its tar went with another image while we were looking.
    {
      const std::scoped_lock lock(mutex_);
      work.plan = LayerWork::Plan::kFetch;
      for (const LayerWork& other : work_)
        if (other.download) other.download->let_others();
    }
    TRY(fetch_layer(lease, work));
    if (!work.unpacked) return commit_layer(lease, index);
  }
  TRY(layers_.commit(lease, *work.unpacked, parent), "layer {}", work.blob.digest.to_string());
  const std::scoped_lock lock(mutex_);
  if (work.download) work.download->done();
  report(work, State::kComplete, work.blob.size);
  return {};
}

// Inside a transaction. True when a name is new or named another image.
Result<bool> Pull::name_image(const oci::Digest& id) {
  store::Database& db = store_.db();
  bool changed = false;
  const oci::Reference digested = reference_.with_digest(remote_.named.digest);
  if (TRY(records::image_of_repo_digest(db, digested)) != id) {
    changed = true;
    TRY(records::set_repo_digest(db, digested, id));
  }
  if (reference_.tag && !reference_.digest && TRY(records::image_of_tag(db, reference_)) != id) {
    changed = true;
    TRY(records::set_tag(db, reference_, id));
  }
  TRY(records::keep_manifest(db, id, {remote_.bytes.digest, remote_.manifest.media_type, remote_.bytes.bytes}));
  if (remote_.named.digest != remote_.bytes.digest)
    TRY(records::keep_manifest(db, id, {remote_.named.digest, remote_.named.media_type, remote_.named.bytes}));
  return changed;
}

// Inside a transaction. That a blob is this layer only counts when we have seen its bytes, now or
// earlier: the word of a manifest alone could make a later push name other content.
Result<> Pull::keep_origins(std::span<const oci::Digest> diff_ids) {
  for (std::size_t i = 0; i < remote_.manifest.layers.size() && i < diff_ids.size(); ++i)
    TRY(records::keep_source(store_.db(), diff_ids[i], remote_.manifest.layers[i].digest, reference_));
  return {};
}

// Inside the transaction that makes sure that the image is here.
Result<> Pull::hold(const Image& image) {
  if (options_.lease == nullptr) return {};
  TRY(Images::hold(*options_.lease, image.id));
  for (const oci::Digest& chain : image.chain_ids) TRY(options_.lease->hold(store::kLayer, chain.to_string()));
  return {};
}

// So that the first run is as quick as the next; it does itself what was not done here.
void Pull::merge_layers() {
  std::vector<oci::Digest> chain;
  for (const LayerWork& work : work_) chain.push_back(work.chain_id);
  (void)layers_.merge(chain, kMergedWithAPull);
}

Result<Pulled> Pull::record(bool downloaded) {
  const oci::Digest id = remote_.manifest.config.digest;
  std::vector<oci::Digest> chain_ids;
  for (const LayerWork& work : work_) chain_ids.push_back(work.chain_id);
  const std::uint64_t size = TRY(images_.size_of(chain_ids));
  store::Transaction change = TRY(store_.db().begin());
  const bool is_new = TRY(records::insert(
      store_, id, config_.bytes, parse_rfc3339(config_.config.created).value_or(Timestamp()), size, chain_ids));
  for (const LayerWork& work : work_)
    if (work.unpacked) TRY(records::keep_blob(store_.db(), work.diff_id, {work.blob, work.unpacked->compression}));
  TRY(keep_origins(config_.config.diff_ids));
  const bool renamed = TRY(name_image(id));
  // Before a prune can take it again.
  Image image = TRY(images_.get(id));
  TRY(hold(image));
  TRY(change.commit());
  return Pulled{std::move(image), remote_.named.digest, downloaded || is_new || renamed};
}

Result<Pulled> Pull::run() {
  remote_ = TRY(fetch_manifest(client_, reference_, options_.platform));
  if (const auto image = TRY(already_here());
      image &&
      (!options_.platform ||
       oci::matches(*options_.platform, {image->config.os, image->config.architecture, image->config.variant, {}}))) {
    store::Transaction change = TRY(store_.db().begin());
    // Removed a moment ago by another process: then it is pulled as if it had never been here.
    if (TRY(records::is_visible(store_.db(), image->id))) {
      TRY(keep_origins(image->config.diff_ids));
      const bool renamed = TRY(name_image(image->id));
      Image named = TRY(images_.get(image->id));
      TRY(hold(named));
      TRY(change.commit());
      progress_.begin(reference_, {});
      return Pulled{std::move(named), remote_.named.digest, renamed};
    }
  }
  config_ = TRY(fetch_config(client_, reference_, remote_.manifest, options_.platform));
  TRY(bound_partial_blobs(store_));
  store::Lease lease = TRY(store::Lease::create(store_));
  TRY(plan(lease));
  TRY(check_space());
  TRY(fetch_layers(lease));
  merge_layers();
  const bool downloaded = std::ranges::any_of(work_, [](const LayerWork& work) { return work.unpacked.has_value(); });
  return record(downloaded);
}

Result<Pulled> Images::pull(registry::Client& client, const oci::Reference& reference, const PullOptions& options,
                            PullProgress& progress) {
  return Pull(*this, client, reference, options, progress).run();
}

}  // namespace strata::images
