#include "images/partial_blob.h"

#include <sys/stat.h>

#include <algorithm>
#include <vector>

#include "base/clock.h"
#include "sys/file.h"
#include "sys/new_entry.h"
#include "sys/tree_size.h"

namespace strata::images {
namespace {

struct File {
  std::string path;
  std::uint64_t bytes = 0;  // allocated
  Timestamp modified;
};

std::string partial_directory(store::Store& store) { return store.paths().root + "/partial"; }

// Files that vanish meanwhile are passed over; so is the whole directory when there is none.
Result<std::vector<File>> files_of(store::Store& store) {
  const std::string directory = partial_directory(store);
  std::vector<File> files;
  auto names = sys::list_directory(directory);
  if (!names && names.error().kind() == ErrorKind::kNotFound) return files;
  for (const std::string& name : TRY(std::move(names))) {
    File file{directory + '/' + name, 0, {}};
    const auto status = sys::lstat_path(file.path);
    if (!status) continue;
    file.bytes = static_cast<std::uint64_t>(status->st_blocks) * 512;
    file.modified =
        Timestamp(std::chrono::seconds(status->st_mtim.tv_sec) + std::chrono::nanoseconds(status->st_mtim.tv_nsec));
    files.push_back(std::move(file));
  }
  return files;
}

// False when it is in use.
Result<bool> remove_unused(const File& file) {
  const auto lock = TRY(sys::FileLock::try_acquire(file.path));
  if (!lock) return false;
  TRY(sys::remove_file(file.path));
  return true;
}

}  // namespace

Result<std::optional<PartialBlob>> PartialBlob::try_open(store::Store& store, const oci::Digest& blob) {
  const std::string path = TRY(store.directory("partial")) + '/' + blob.hex();
  auto lock = TRY(sys::FileLock::try_acquire(path));
  if (!lock) return std::nullopt;
  return PartialBlob(*std::move(lock), path);
}

Result<std::uint64_t> PartialBlob::size() const { return static_cast<std::uint64_t>(TRY(sys::stat_fd(fd())).st_size); }

Result<> PartialBlob::discard() { return sys::set_file_size(fd(), 0); }

Result<> PartialBlob::remove() && {
  const PartialBlob gone = std::move(*this);
  return sys::remove_file(gone.path_);
}

Result<std::uint64_t> partial_bytes(store::Store& store) { return sys::tree_size(partial_directory(store)); }

Result<std::uint64_t> remove_partial_blobs(store::Store& store) {
  std::uint64_t freed = 0;
  for (const File& file : TRY(files_of(store)))
    if (TRY(remove_unused(file))) freed += file.bytes;
  return freed;
}

Result<> bound_partial_blobs(store::Store& store) {
  std::vector<File> files = TRY(files_of(store));
  std::ranges::sort(files, {}, &File::modified);
  std::uint64_t bytes = 0;
  for (const File& file : files) bytes += file.bytes;
  const Timestamp oldest = now() - kPartialMaxAge;
  for (const File& file : files)
    if (file.modified < oldest || bytes > kPartialMaxBytes)
      if (TRY(remove_unused(file))) bytes -= file.bytes;
  return {};
}

}  // namespace strata::images
