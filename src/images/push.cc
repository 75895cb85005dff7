// Push: for every layer the cheapest way that works, all layers at once:
//
//   the target has a blob that is this layer
//   > a sibling repository of the same registry has it: mount
//   > another repository had it: its bytes are streamed through
//   > the tar is compressed again: straight into the upload when the blob cannot be known there, else into a
//     file of the lease, whose digest the target is asked for first
//
// When every layer went as the blob its manifest names, the manifest goes as it came, and so keeps
// its digest; otherwise a new one is made, and the progress says so. Ours is deterministic (same
// layers, same bytes), and what we compressed is remembered, so the second push of an image sends
// nothing.
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <semaphore>
#include <set>
#include <thread>

#include "base/defer.h"
#include "codec/compression.h"
#include "images/images.h"
#include "images/pushed_manifest.h"
#include "images/records.h"
#include "images/restore.h"
#include "images/squash.h"
#include "layers/layers.h"
#include "oci/manifest.h"
#include "registry/client.h"
#include "store/database.h"
#include "store/lease.h"
#include "store/reference.h"
#include "sys/file.h"
#include "sys/partial_io.h"

namespace strata::images {
namespace {

using State = PushProgress::State;
using records::Blob;

constexpr std::size_t kLayersAtOnce = 8;

// One distinct layer of the image; an image may have the same one several times.
struct LayerWork {
  oci::Digest diff_id;
  std::vector<std::size_t> positions;
  std::optional<oci::Digest> original;  // what the kept manifest calls it
  std::optional<Blob> sent;             // what the target has now
};

}  // namespace

class Push {
 public:
  Push(Images& images, registry::Client& client, const oci::Reference& target, const PushOptions& options,
       PushProgress& progress)
      : store_(images.store()),
        layers_(images.layers()),
        images_(images),
        client_(client),
        target_(target.with_default_tag()),
        options_(options),
        progress_(progress) {}
  Result<Pushed> run();
  // Layers that were made for this push alone.
  const std::vector<oci::Digest>& squashed() const { return squashed_; }

 private:
  Result<> find_original();
  Result<> push_layers(store::Lease& lease);
  Result<> push_layer(store::Lease& lease, LayerWork& work);
  Result<std::vector<Blob>> candidates(const LayerWork& work);
  Result<bool> mount(LayerWork& work, const Blob& blob);
  bool relay(LayerWork& work, const Blob& blob);
  codec::Compression wanted() const;
  Result<bool> stream(LayerWork& work);
  Result<> compress(store::Lease& lease, LayerWork& work);
  Blob blob_of(const layers::CompressedLayer& made) const;
  Result<> push_config(store::Lease& lease);
  Result<Pushed> put_manifest();
  void done(LayerWork& work, Blob blob, State state, std::string_view detail = {});
  void report(const LayerWork& work, State state, std::uint64_t so_far, std::uint64_t total,
              std::string_view detail = {});
  registry::Client::Progress counter(const LayerWork& work, std::uint64_t total);

  store::Store& store_;
  layers::Layers& layers_;
  Images& images_;
  registry::Client& client_;
  const oci::Reference target_;
  const PushOptions& options_;
  std::counting_semaphore<> compressors_{2};
  PushProgress& progress_;
  Image image_;
  std::optional<records::StoredManifest> original_bytes_;
  std::optional<oci::Manifest> original_;
  std::vector<LayerWork> work_;
  std::vector<oci::Digest> squashed_;
  std::mutex mutex_;                   // guards progress_ and unreachable_
  std::set<std::string> unreachable_;  // registries that did not answer: asked once
};

void Push::report(const LayerWork& work, State state, std::uint64_t so_far, std::uint64_t total,
                  std::string_view detail) {
  const std::scoped_lock lock(mutex_);
  for (const std::size_t position : work.positions) progress_.layer(position, state, so_far, total, detail);
}

void Push::done(LayerWork& work, Blob blob, State state, std::string_view detail) {
  report(work, state, blob.descriptor.size, blob.descriptor.size, detail);
  work.sent = std::move(blob);
}

registry::Client::Progress Push::counter(const LayerWork& work, std::uint64_t total) {
  return [this, &work, total](std::uint64_t sent) { report(work, State::kPushing, sent, total); };
}

// The manifest that the image came with; the newest when there are several.
Result<> Push::find_original() {
  for (records::StoredManifest& kept : TRY(records::manifests_of(store_.db(), image_.id))) {
    auto parsed = oci::parse_manifest(kept.bytes, kept.media_type);
    if (!parsed || !std::holds_alternative<oci::Manifest>(*parsed)) continue;
    auto& manifest = std::get<oci::Manifest>(*parsed);
    if (manifest.config.digest != image_.id || manifest.layers.size() != image_.config.diff_ids.size()) continue;
    original_ = std::move(manifest);
    original_bytes_ = std::move(kept);
    break;
  }
  return {};
}

// Blobs that are this layer, the one that keeps the digest first.
Result<std::vector<Blob>> Push::candidates(const LayerWork& work) {
  auto blobs = TRY(records::blobs_of(store_.db(), work.diff_id));
  if (options_.level) return std::vector<Blob>();
  if (options_.compression)
    std::erase_if(blobs, [&](const Blob& blob) { return blob.compression != *options_.compression; });
  std::ranges::stable_partition(blobs, [&](const Blob& blob) { return blob.descriptor.digest == work.original; });
  return blobs;
}

Result<bool> Push::mount(LayerWork& work, const Blob& blob) {
  for (const oci::Reference& source : TRY(records::sources_of(store_.db(), blob.descriptor.digest))) {
    if (source.domain() != target_.domain() || source.path() == target_.path()) continue;
    if (!TRY(client_.mount_blob(target_, blob.descriptor.digest, source))) continue;
    done(work, blob, State::kMounted, source.path());
    return true;
  }
  return false;
}

// From where it once came to the target. The target verifies the digest. Any failure means: another
// way.
bool Push::relay(LayerWork& work, const Blob& blob) {
  const auto sources = records::sources_of(store_.db(), blob.descriptor.digest);
  if (!sources) return false;
  for (const oci::Reference& source : *sources) {
    if (source.name() == target_.name()) continue;
    {
      const std::scoped_lock lock(mutex_);
      if (unreachable_.contains(source.domain())) continue;
    }
    auto download = client_.open_blob(source, blob.descriptor);
    if (!download) {
      const std::scoped_lock lock(mutex_);
      if (download.error().kind() != ErrorKind::kNotFound) unreachable_.insert(source.domain());
      continue;
    }
    const auto pushed =
        client_.push_blob(target_, blob.descriptor, download->fd(), counter(work, blob.descriptor.size));
    if (pushed) {
      done(work, blob, State::kPushed);
      return true;
    }
  }
  return false;
}

codec::Compression Push::wanted() const { return options_.compression.value_or(codec::Compression::kGzip); }

Blob Push::blob_of(const layers::CompressedLayer& made) const {
  Blob blob;
  blob.compression = made.compression;
  blob.descriptor.digest = made.digest;
  blob.descriptor.size = made.size;
  blob.descriptor.media_type = layer_type(original_ && is_docker_type(original_->media_type), blob.compression);
  return blob;
}

// Compressed while it is sent: the digest is known when the last byte is. False when the transfer broke,
// and must be repeated from a file.
Result<bool> Push::stream(LayerWork& work) {
  const auto layer = TRY(layers_.find(image_.chain_ids[work.positions.front()]));
  const std::uint64_t total = layer ? layer->tar_size : 0;  // docker counts like that, too
  report(work, State::kPushing, 0, total);
  sys::Pipe pipe = TRY(sys::make_pipe());
  sys::widen_pipe(pipe.write.get(), 1 << 20);
  std::optional<Result<layers::CompressedLayer>> made;
  std::jthread compressing([&] {
    const sys::UniqueFd output = std::move(pipe.write);
    made = layers_.compress_to(output.get(), work.diff_id, wanted(), options_.level.value_or(codec::kDefaultLevel));
  });
  const Result<> pushed = client_.push_blob_stream(
      target_, pipe.read.get(),
      [&]() -> Result<oci::Digest> {
        pipe.read.reset();  // a worker that nobody reads from any more ends
        compressing.join();
        if (!*made) return made->error();
        return (*made)->digest;
      },
      counter(work, total));
  pipe.read.reset();
  if (compressing.joinable()) compressing.join();
  if (!*made && made->error().kind() == ErrorKind::kCorrupt) return made->error();
  if (!pushed && pushed.error().kind() == ErrorKind::kUnauthorized) return pushed.error();
  if (!pushed) return false;
  done(work, blob_of(**made), State::kPushed);
  return true;
}

Result<> Push::compress(store::Lease& lease, LayerWork& work) {
  report(work, State::kCompressing, 0, 0);
  const layers::CompressedLayer made =
      TRY(layers_.compress(lease, work.diff_id, wanted(), options_.level.value_or(codec::kDefaultLevel)));
  const Blob blob = blob_of(made);
  if (TRY(client_.has_blob(target_, blob.descriptor.digest))) {
    done(work, blob, State::kAlreadyExists);
  } else {
    const sys::UniqueFd file = TRY(sys::open_file(made.path, O_RDONLY));
    TRY(client_.push_blob(target_, blob.descriptor, file.get(), counter(work, blob.descriptor.size)));
    done(work, blob, State::kPushed);
  }
  TRY(sys::remove_file(made.path));
  return {};
}

Result<> Push::push_layer(store::Lease& lease, LayerWork& work) {
  const auto blobs = TRY(candidates(work));
  for (const Blob& blob : blobs)
    if (TRY(client_.has_blob(target_, blob.descriptor.digest))) {
      done(work, blob, State::kAlreadyExists);
      return {};
    }
  for (const Blob& blob : blobs)
    if (TRY(mount(work, blob))) return {};
  for (const Blob& blob : blobs)
    if (relay(work, blob)) return {};
  // Each of them takes all processors.
  compressors_.acquire();
  const Defer release([this] { compressors_.release(); });
  if (blobs.empty() && !work.original && !options_.level && TRY(stream(work))) return {};
  TRY(compress(lease, work));
  if (!options_.compression && work.original && work.sent->descriptor.digest != *work.original) {
    const std::scoped_lock lock(mutex_);
    progress_.note(fmt::format("{}: the original blob {} is not to be had; compressed again as {}",
                               work.diff_id.short_hex(), work.original->to_string(),
                               work.sent->descriptor.digest.to_string()));
  }
  return {};
}

Result<> Push::push_layers(store::Lease& lease) {
  std::map<oci::Digest, std::size_t> known;
  for (std::size_t i = 0; i < image_.config.diff_ids.size(); ++i) {
    const auto [found, is_new] = known.emplace(image_.config.diff_ids[i], work_.size());
    if (is_new) {
      LayerWork& work = work_.emplace_back();
      work.diff_id = image_.config.diff_ids[i];
      if (original_) work.original = original_->layers[i].digest;
    }
    work_[found->second].positions.push_back(i);
  }
  progress_.begin(target_, image_.config.diff_ids);
  for (std::size_t i = 0; i < work_.size(); ++i)
    report(work_[i], i < kLayersAtOnce ? State::kPreparing : State::kWaiting, 0, 0);

  std::atomic<std::size_t> next = 0;
  std::mutex failure_mutex;
  std::optional<Error> failure;
  const auto push = [&] {
    for (std::size_t i = next++; i < work_.size(); i = next++) {
      {
        const std::scoped_lock lock(failure_mutex);
        if (failure) return;
      }
      Result<> pushed = push_layer(lease, work_[i]);
      const std::scoped_lock lock(failure_mutex);
      if (!pushed && !failure)
        failure = std::move(pushed).take_error().with_context(fmt::format("layer {}", work_[i].diff_id.short_hex()));
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(work_.size(), kLayersAtOnce); ++i) threads.emplace_back(push);
  }
  if (failure) return *std::move(failure);
  return {};
}

Result<> Push::push_config(store::Lease& lease) {
  if (TRY(client_.has_blob(target_, image_.id))) return {};
  const std::string path = lease.directory() + "/push-config";
  TRY(sys::replace_file(path, image_.config_bytes, 0600));
  const sys::UniqueFd file = TRY(sys::open_file(path, O_RDONLY));
  oci::Descriptor config;
  config.digest = image_.id;
  config.size = image_.config_bytes.size();
  return client_.push_blob(target_, config, file.get());
}

Result<Pushed> Push::put_manifest() {
  std::vector<const Blob*> sent(image_.config.diff_ids.size());
  for (const LayerWork& work : work_)
    for (const std::size_t position : work.positions) sent[position] = &*work.sent;

  bool as_it_came = original_.has_value();
  for (std::size_t i = 0; i < sent.size() && as_it_came; ++i)
    as_it_came = original_->layers[i].digest == sent[i]->descriptor.digest;

  records::StoredManifest manifest;
  if (as_it_came) {
    manifest = *original_bytes_;
  } else {
    manifest = make_manifest(image_, sent, original_ ? &*original_ : nullptr);
    if (original_) progress_.note("the manifest's digest changes, because layers were compressed again");
  }
  manifest.digest = TRY(client_.put_manifest(target_, manifest.bytes, manifest.media_type));

  store::Transaction change = TRY(store_.db().begin());
  // It may have been removed meanwhile: then there is nothing to remember.
  if (TRY(records::is_visible(store_.db(), image_.id))) {
    for (const LayerWork& work : work_) {
      TRY(records::keep_blob(store_.db(), work.diff_id, *work.sent));
      TRY(records::keep_source(store_.db(), work.diff_id, work.sent->descriptor.digest, target_));
    }
    TRY(records::keep_manifest(store_.db(), image_.id, manifest));
    TRY(records::set_repo_digest(store_.db(), target_.with_digest(manifest.digest), image_.id));
  }
  TRY(change.commit());
  return Pushed{manifest.digest, manifest.bytes.size()};
}

Result<Pushed> Push::run() {
  if (target_.digest) return error(ErrorKind::kInvalidArgument, "cannot push a digest reference");
  const auto id = TRY(records::image_of_tag(store_.db(), target_));
  if (!id)
    return error(ErrorKind::kNotFound, "An image does not exist locally with the tag: {}", target_.familiar_name());
  store::Lease lease = TRY(store::Lease::create(store_));
  TRY(Images::hold(lease, *id));
  image_ = TRY(images_.get(*id));
  // rmi of the image by somebody else must not take its tars away now.
  for (const oci::Digest& chain : image_.chain_ids) TRY(lease.hold(store::kLayer, chain.to_string()));
  TRY(restore(images_, image_, [&]() -> Result<registry::Client*> { return &client_; },
              {.note = [&](const std::string& line) { progress_.note(line); }}));
  if (options_.squash) {
    image_ = TRY(squash(images_, lease, image_));
    if (image_.id != *id) squashed_ = image_.chain_ids;
  }
  TRY(find_original());
  TRY(push_layers(lease));
  TRY(push_config(lease));
  return put_manifest();
}

Result<Pushed> Images::push(registry::Client& client, const oci::Reference& reference, const PushOptions& options,
                            PushProgress& progress) {
  Push push(*this, client, reference, options, progress);
  Result<Pushed> pushed = push.run();
  (void)drop_layers(push.squashed());
  return pushed;
}

}  // namespace strata::images
