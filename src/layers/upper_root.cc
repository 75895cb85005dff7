#include "layers/upper_root.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "sys/entry.h"
#include "sys/file.h"
#include "sys/new_entry.h"

namespace strata::layers {

Result<> inherit_root(int lower, const UpperDir& upper) {
  if (!TRY(sys::list_directory(upper.work)).empty()) return {};
  const sys::UniqueFd root = TRY(sys::open_file(upper.upper, O_RDONLY | O_DIRECTORY));
  const struct stat wanted = TRY(sys::stat_entry(lower, ""));
  TRY(sys::set_entry_owner(root.get(), ".", wanted.st_uid, wanted.st_gid));
  TRY(sys::set_entry_mode(root.get(), ".", wanted.st_mode & 07777));
  for (const auto& [name, value] : TRY(sys::xattrs_of_entry(lower, "")))
    if (!name.starts_with("trusted.overlay.")) TRY(sys::set_directory_xattr(root.get(), name, value));
  return sys::set_entry_time(root.get(), ".", wanted.st_mtim.tv_sec,
                             static_cast<std::uint32_t>(wanted.st_mtim.tv_nsec));
}

}  // namespace strata::layers
