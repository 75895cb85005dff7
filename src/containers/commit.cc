#include "containers/commit.h"

#include <fcntl.h>

#include <thread>

#include "base/clock.h"
#include "base/strings.h"
#include "containers/containers.h"
#include "containers/freeze.h"
#include "containers/mount_points.h"
#include "layers/file_stream.h"
#include "layers/layers.h"
#include "layers/upper_tar.h"
#include "store/lease.h"
#include "store/reference.h"
#include "sys/event_loop.h"
#include "sys/file.h"
#include "sys/partial_io.h"

namespace strata::containers {
namespace {

constexpr int kPipeSize = 1 << 20;

oci::ContainerConfig config_of(const Config& config, const oci::ContainerConfig& image) {
  oci::ContainerConfig out;
  out.user = config.user;
  out.working_dir = config.working_dir;
  out.stop_signal = config.stop_signal;
  out.stop_timeout = config.stop_timeout.value_or(-1);
  out.env = config.env;
  out.entrypoint = config.entrypoint.value_or(std::vector<std::string>());
  out.cmd = config.cmd;
  out.labels = config.labels;
  out.exposed_ports = config.exposed_ports;
  out.volumes = image.volumes;
  for (const Mount& mount : config.mounts)
    if (mount.type == Mount::Type::kVolume && mount.anonymous) out.volumes.insert(mount.target);
  out.healthcheck = image.healthcheck;
  return out;
}

struct UpperLayer {
  layers::Unpacked unpacked;
  std::uint64_t entries = 0;
};

// One thread reads the upper, a worker hashes and indexes: a pipe between them.
Result<UpperLayer> read_upper(layers::Layers& layers, store::Lease& lease, const std::string& path,
                              const layers::UpperOptions& options, std::uint64_t max_size) {
  const sys::UniqueFd upper = TRY(sys::open_file(path, O_RDONLY | O_DIRECTORY));
  sys::Pipe pipe = TRY(sys::make_pipe());
  sys::widen_pipe(pipe.write.get(), kPipeSize);
  const sys::NoPipeSignal worker_may_die;
  Result<std::uint64_t> written = std::uint64_t{0};
  std::thread reader([&, out = std::move(pipe.write)]() mutable {
    layers::FileSink sink(out.get());
    written = layers::write_upper_tar(upper.get(), sink, options);
    if (Result<> flushed = sink.flush(); written && !flushed) written = std::move(flushed).take_error();
    out.reset();
  });
  auto unpacked = layers.unpack(lease, pipe.read.get(), {.max_tar_size = max_size});
  pipe.read.reset();
  reader.join();
  // A worker that refuses what it is given leaves a broken pipe, and a reader that fails half an archive.
  if (!unpacked && (written || written.error().error_number() == EPIPE)) return std::move(unpacked).take_error();
  if (!written) return std::move(written).take_error();
  return UpperLayer{std::move(*unpacked), *written};
}

}  // namespace

Result<images::Image> Containers::commit(const Container& container, const CommitOptions& options) {
  const images::Image base = TRY(parts_.images.get(container.image_id), "image {}", container.image_name);
  oci::ImageConfig config = base.config;
  config.created = to_rfc3339(now());
  config.author = options.author;
  config.config = config_of(container.config, base.config.config);
  oci::History line{.created = config.created,
                    .created_by = join(container.config.cmd, " "),
                    .author = options.author,
                    .comment = options.comment,
                    .empty_layer = true};
  if (options.change) TRY(options.change(config));

  store::Lease lease = TRY(store::Lease::create(parts_.store));
  std::optional<oci::Digest> parent;
  if (!base.chain_ids.empty()) {
    parent = base.chain_ids.back();
    TRY(lease.hold(store::kLayer, parent->to_string()));
  }
  // Nobody starts or removes it meanwhile.
  const sys::ByteLock own = TRY(lock(container.id));
  const ContainerPaths files = paths(container.id);
  if (sys::exists(files.upper)) {
    layers::UpperOptions upper;
    for (const std::string& point : mount_points(container.config)) upper.left_out.insert(point.substr(1));
    std::optional<Freeze> still;
    if (options.pause && TRY(state(container)).running())
      still.emplace(TRY(Freeze::begin(cgroup_path(container.id)), "pause"));
    const UpperLayer read = TRY(read_upper(parts_.layers, lease, files.upper, upper, options.max_layer_size),
                                "container {}", container.name);
    if (still) TRY(still->end(), "unpause");
    // The places that our mounts needed have left traces in directories: only few entries are worth a closer look.
    constexpr std::uint64_t kFew = 16;
    if (read.entries > kFew || (read.entries > 0 && !TRY(diff(container)).empty())) {
      TRY(parts_.layers.commit(lease, read.unpacked, parent));
      config.diff_ids.push_back(read.unpacked.diff_id);
      line.empty_layer = false;
    }
  }
  config.history.push_back(std::move(line));
  return parts_.images.add(config.to_json(), options.tag);
}

}  // namespace strata::containers
