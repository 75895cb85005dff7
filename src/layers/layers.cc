#include "layers/layers.h"

#include <fcntl.h>

#include "layers/layers_impl.h"
#include "sys/file.h"

namespace strata::layers {

const store::Schema& schema() { return records::schema(); }

Layers::Layers(store::Store& store, Options options) : impl_(std::make_unique<Impl>(store, std::move(options))) {}
Layers::~Layers() = default;

Result<Ability> Layers::Impl::ability() {
  const std::lock_guard lock(ability_mutex);
  if (!known_ability) {
    if (options.force_directory_form) {
      known_ability = Ability();
    } else {
      TRY(prepare());
      known_ability = TRY(probe(store));
    }
  }
  return *known_ability;
}

Result<Form> Layers::form() { return impl_->form(); }

Result<std::optional<Layer>> Layers::find(const oci::Digest& chain_id) {
  const auto layer = TRY(records::find_layer(impl_->db(), chain_id));
  if (!layer) return std::nullopt;
  const auto tar = TRY(records::find_tar(impl_->db(), layer->diff_id));
  if (!tar || !TRY(impl_->has_whole_tar(*tar))) return std::nullopt;
  return Layer{layer->diff_id, layer->chain_id, tar->size};
}

Result<std::vector<oci::Digest>> Layers::missing(std::span<const oci::Digest> chain_ids) {
  return impl_->missing(chain_ids);
}

Result<bool> Layers::is_recorded(const oci::Digest& chain_id) {
  return TRY(records::find_layer(impl_->db(), chain_id)).has_value();
}

Result<bool> Layers::has_tar(const oci::Digest& diff_id) {
  const auto tar = TRY(records::find_tar(impl_->db(), diff_id));
  return tar && TRY(impl_->has_whole_tar(*tar));
}

Result<sys::UniqueFd> Layers::open_tar(const oci::Digest& diff_id) {
  return TRY(sys::open_file(impl_->tar_path(diff_id), O_RDONLY), "layer {}", diff_id.to_string());
}

Result<CompressedLayer> Layers::Impl::compress(const oci::Digest& diff_id, codec::Compression compression, int level,
                                               int output) {
  const std::string name = "layer " + diff_id.to_string();
  const sys::UniqueFd tar = TRY(sys::open_file(tar_path(diff_id), O_RDONLY), "{}", name);
  const WorkerReport report =
      TRY(run_compressor(options.worker_program, tar.get(), output, compression, level), "{}", name);
  if (report.diff_id != diff_id.hex())
    return error(ErrorKind::kCorrupt,
                 "{}: its tar on the disk is damaged; 'strata system fsck --repair' fetches it again", name);
  CompressedLayer layer;
  layer.compression = compression;
  layer.digest = TRY(oci::Digest::from_hex(report.blob_digest));
  layer.size = report.blob_size;
  return layer;
}

Result<CompressedLayer> Layers::compress(store::Lease& lease, const oci::Digest& diff_id,
                                         codec::Compression compression, int level) {
  const std::string path = impl_->lease_file(lease, "blob");
  const sys::UniqueFd output = TRY(sys::open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600));
  auto layer = impl_->compress(diff_id, compression, level, output.get());
  if (!layer) (void)sys::remove_file(path);
  if (layer) layer->path = path;
  return layer;
}

Result<CompressedLayer> Layers::compress_to(int output, const oci::Digest& diff_id, codec::Compression compression,
                                            int level) {
  return impl_->compress(diff_id, compression, level, output);
}

Result<> Layers::inflate(int input, int output, codec::Compression compression) {
  return run_inflater(impl_->options.worker_program, input, output, compression);
}

WorkerJob Layers::Impl::job(const Limits& limits) {
  WorkerJob job;
  job.program = options.worker_program;
  job.max_tar_size = limits.max_tar_size;
  job.max_entries = limits.max_entries;
  job.max_metadata = limits.max_metadata;
  job.windows = &windows;
  return job;
}

Result<Unpacked> Layers::Impl::unpack(store::Lease& lease, int input, const std::string& own_tar, const Limits& limits,
                                      int kept) {
  Unpacked unpacked;
  unpacked.tar_path = own_tar.empty() ? lease_file(lease, "tar") : own_tar;
  unpacked.index_path = lease_file(lease, "index");
  const sys::UniqueFd index = TRY(sys::open_file(unpacked.index_path, O_RDWR | O_CREAT | O_EXCL, 0600));
  sys::UniqueFd tar;
  WorkerJob work = job(limits);
  work.index = index.get();
  work.kept = kept;
  if (own_tar.empty()) {
    tar = TRY(sys::open_file(unpacked.tar_path, O_RDWR | O_CREAT | O_EXCL, 0600));
    work.input = input;
    work.tar = tar.get();
  } else {
    tar = TRY(sys::open_file(own_tar, O_RDONLY));
    work.input = tar.get();
  }
  Result<WorkerReport> report = run_worker(work);
  if (!report) {
    // The space now, not when the lease goes.
    if (own_tar.empty()) (void)sys::remove_file(unpacked.tar_path);
    (void)sys::remove_file(unpacked.index_path);
    return std::move(report).take_error();
  }
  unpacked.blob_digest = TRY(oci::Digest::from_hex(report->blob_digest));
  unpacked.blob_size = report->blob_size;
  unpacked.compression = report->compression;
  unpacked.diff_id = TRY(oci::Digest::from_hex(report->diff_id));
  unpacked.tar_size = report->tar_size;
  unpacked.entries = report->entries;
  unpacked.index_digest = TRY(oci::Digest::from_hex(report->index_digest));
  unpacked.index_size = report->index_size;
  for (auto& [path, offset] : report->implied) unpacked.implied_parents.push_back({std::move(path), offset});
  return unpacked;
}

Result<Unpacked> Layers::unpack(store::Lease& lease, int fd, const Limits& limits, int kept) {
  return impl_->unpack(lease, fd, "", limits, kept);
}

Result<Unpacked> Layers::adopt_tar(store::Lease& lease, const std::string& tar_path, const Limits& limits) {
  Unpacked unpacked = TRY(impl_->unpack(lease, -1, tar_path, limits, -1));
  if (unpacked.compression != codec::Compression::kNone)
    return error(ErrorKind::kInvalidArgument, "{} is compressed", tar_path);
  return unpacked;
}

}  // namespace strata::layers
