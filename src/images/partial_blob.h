// The bytes of a blob that have come so far, kept until its layer is complete: a pull that was
// killed or failed goes on where it stopped.
//
//   root/partial/<digest's hex>   the first bytes of the blob, as they came; not verified
//
// - Whoever has a PartialBlob is the only one who downloads that blob: it holds a flock(2) on the
//   file, which the kernel drops with its holder, and with the worker that writes into it.
// - What is in the file counts for nothing until the digest of the whole has been compared: a power
//   loss may have left zeros in it.
// - Files are bounded: those that nobody has touched for kPartialMaxAge go, and the oldest ones
//   beyond kPartialMaxBytes, but never one that is in use.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "oci/digest.h"
#include "store/store.h"
#include "sys/file_lock.h"

namespace strata::images {

inline constexpr std::chrono::hours kPartialMaxAge{7 * 24};
inline constexpr std::uint64_t kPartialMaxBytes = std::uint64_t{8} << 30;

class [[nodiscard]] PartialBlob {
 public:
  // nullopt: another process, or another thread of this one, has it.
  static Result<std::optional<PartialBlob>> try_open(store::Store& store, const oci::Digest& blob);

  // For reading and writing; stays the PartialBlob's.
  int fd() const { return lock_.fd(); }
  Result<std::uint64_t> size() const;
  // The bytes were wrong: from the beginning again.
  Result<> discard();
  // The layer is complete (or hopeless): the file goes, and others may have the blob.
  Result<> remove() &&;

 private:
  PartialBlob(sys::FileLock lock, std::string path) : lock_(std::move(lock)), path_(std::move(path)) {}
  sys::FileLock lock_;
  std::string path_;
};

// What root/partial takes on disk, allocated bytes.
Result<std::uint64_t> partial_bytes(store::Store& store);
// Deletes what nobody is downloading; returns the bytes freed.
Result<std::uint64_t> remove_partial_blobs(store::Store& store);
// Keeps the bounds above. Two system calls when there is nothing.
Result<> bound_partial_blobs(store::Store& store);

}  // namespace strata::images
