// The cache of mounted indexes: run_root/mounts/<key>. Any process may unmount one at any time; overlayfs
// has references of its own, and so has a descriptor.
//
// run_root/mounts is a private mount of itself, so that no mount of a layer is copied into other mount
// namespaces; it goes when the last one in it does. Mounting and unmounting exclude each other by a lock
// (run_root/mounts.lock). Thread-safe.
#pragma once

#include <functional>
#include <set>
#include <span>
#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::layers {

class MountCache {
 public:
  explicit MountCache(std::string run_root) : run_root_(std::move(run_root)) {}

  // The root of the mount `key`, O_PATH. `mount` makes a detached one when it is not there.
  Result<sys::UniqueFd> get(const std::string& key, const std::function<Result<sys::UniqueFd>()>& mount);

  // Unmounts all but these. What a process is using at this very moment stays.
  Result<> keep_only(const std::set<std::string>& keys);
  Result<> drop(const std::set<std::string>& keys);

  // From now on reads past the page cache of the files (the option "directio") what `wanted` says yes to, and does
  // not yet: for all who use such a mount, running containers too.
  Result<> read_directly(const std::function<Result<bool>(const std::string& key)>& wanted);

 private:
  std::string directory() const { return run_root_ + "/mounts"; }
  Result<> unmount_if(const std::function<bool(const std::string&)>& wanted);
  std::string run_root_;
};

// How the kernel reads an index's data from its files: through their page cache, so that it is in memory twice, or past
// it.
enum class Reads { kBuffered, kDirect };

// An index and the files where its data lies (in the index's order), as one detached, read-only mount (Linux 6.12).
Result<sys::UniqueFd> mount_index(const std::string& index, std::span<const std::string> data, Reads reads);

}  // namespace strata::layers
