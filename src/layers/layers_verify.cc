// Before a file is believed. What this boot wrote is as the kernel has it, and what a sync has confirmed is
// on the disk. Only what was on its way there when the machine went down can be torn (of the right size, and
// zeros inside): it is compared with its digest before its first use, once, and the outcome is recorded.
#include <fcntl.h>

#include <algorithm>
#include <thread>

#include "codec/sha256.h"
#include "layers/layers_impl.h"
#include "sys/file.h"

namespace strata::layers {
namespace {

constexpr std::size_t kChunk = std::size_t{1} << 20;
constexpr std::size_t kHashesAtOnce = 4;

}  // namespace

Result<std::string> digest_of_file(int fd, const std::function<bool(std::uint64_t)>& progress) {
  codec::Sha256 hash;
  std::vector<std::byte> buffer(kChunk);
  for (std::uint64_t offset = 0;;) {
    const std::size_t count = TRY(sys::pread_full(fd, buffer, offset));
    hash.update(std::span(buffer).first(count));
    if (progress && !progress(count)) return error(ErrorKind::kCancelled, "interrupted");
    if (count < buffer.size()) break;
    offset += count;
  }
  return oci::Digest::from_bytes(hash.finish()).hex();
}

Result<std::optional<records::Doubt>> Layers::Impl::doubt(const std::string& file) {
  {
    const std::lock_guard lock(doubts_mutex);
    if (!doubts) doubts = TRY(records::doubtful(db(), store.boot_id()));
    if (!doubts->contains(file)) return std::nullopt;
  }
  // Others may have found out meanwhile.
  return records::doubt_about(db(), file, store.boot_id());
}

Result<bool> Layers::Impl::is_whole(const std::string& file, const std::string& digest) {
  const auto known = TRY(doubt(file));
  if (!known) return true;
  if (*known == records::Doubt::kDamaged) return false;
  const Result<sys::UniqueFd> opened = sys::open_file(directory + "/" + file, O_RDONLY);
  if (!opened) return opened.error().error_number() == ENOENT ? Result<bool>(false) : Result<bool>(opened.error());
  // What cannot be read is as good as torn.
  const Result<std::string> found = digest_of_file(opened->get());
  const bool whole = found && *found == digest;
  store::Transaction change = TRY(db().begin());
  // Another process may have put a new file in its place.
  const auto still = TRY(records::doubt_about(db(), file, store.boot_id()));
  if (!still) return true;
  TRY(whole ? records::put_settled(db(), file) : records::put_damaged(db(), file));
  TRY(change.commit());
  return whole;
}

Result<bool> Layers::Impl::has_whole_tar(const records::Tar& tar) {
  const auto info = sys::stat_path(tar_path(tar.diff_id));
  if (!info || static_cast<std::uint64_t>(info->st_size) != tar.size) return false;
  return is_whole(tar.diff_id.hex() + ".tar", tar.diff_id.hex());
}

Result<std::vector<oci::Digest>> Layers::Impl::missing(std::span<const oci::Digest> chain_ids) {
  std::vector<oci::Digest> missing, doubtful;
  std::vector<records::Tar> tars;  // of those in doubt, in their order
  for (const oci::Digest& chain : chain_ids) {
    const auto tar = TRY(records::tar_of_layer(db(), chain));
    const auto info = tar ? sys::stat_path(tar_path(tar->diff_id)) : error(ErrorKind::kNotFound, "");
    if (!info || static_cast<std::uint64_t>(info->st_size) != tar->size) {
      missing.push_back(chain);
    } else if (TRY(doubt(tar->diff_id.hex() + ".tar"))) {
      doubtful.push_back(chain);
      tars.push_back(*tar);
    }
  }
  if (tars.empty()) return missing;
  std::vector<Result<bool>> whole(tars.size(), Result<bool>(false));
  std::atomic<std::size_t> next = 0;
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < std::min(tars.size(), kHashesAtOnce); ++i)
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < tars.size(); at = next++) whole[at] = has_whole_tar(tars[at]);
      });
  }
  for (std::size_t i = 0; i < tars.size(); ++i)
    if (!TRY(std::move(whole[i]))) missing.push_back(doubtful[i]);
  return missing;
}

Result<bool> Layers::Impl::has_whole_directory(const std::string& key) {
  if (!TRY(records::find_directory(db(), key))) return false;
  if (!sys::exists(directory_path(key))) return false;
  // It has no digest: a doubtful one is made again.
  return !TRY(doubt(key + ".dir")).has_value();
}

Result<> Layers::Impl::believe(const std::string& file) {
  if (!TRY(doubt(file))) return {};
  store::Transaction change = TRY(db().begin());
  // Not of a new file that has come in its place.
  if (TRY(records::doubt_about(db(), file, store.boot_id()))) TRY(records::put_settled(db(), file));
  return change.commit();
}

Result<> Layers::Impl::note_written(const std::string& file) {
  return records::put_unsettled(db(), file, store.boot_id());
}

}  // namespace strata::layers
