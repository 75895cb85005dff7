#include "layers/implied_parents.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/strings.h"
#include "codec/erofs_xattrs.h"
#include "sys/entry.h"
#include "sys/file.h"

namespace strata::layers {
namespace {

// Empty when there is no directory.
Result<sys::UniqueFd> open_below(int below, const std::string& path) {
  sys::UniqueFd at = TRY(sys::open_at(below, ".", O_PATH | O_DIRECTORY));
  if (path.empty()) return at;
  for (const std::string_view name : split(path, '/')) {
    Result<sys::UniqueFd> next = sys::open_at(at.get(), std::string(name), O_PATH | O_DIRECTORY | O_NOFOLLOW);
    if (!next) {
      const int number = next.error().error_number();
      if (number == ENOENT || number == ENOTDIR || number == ELOOP) return sys::UniqueFd();
      return next;
    }
    at = std::move(*next);
  }
  return at;
}

Result<DirectoryAttributes> attributes_of(int directory) {
  const struct stat info = TRY(sys::stat_entry(directory, ""));
  DirectoryAttributes attributes;
  attributes.mode = static_cast<std::uint16_t>(info.st_mode & 07777);
  attributes.uid = info.st_uid;
  attributes.gid = info.st_gid;
  attributes.mtime_sec = info.st_mtim.tv_sec;
  attributes.mtime_nsec = static_cast<std::uint32_t>(info.st_mtim.tv_nsec);
  for (auto& [name, value] : TRY(sys::xattrs_of_entry(directory, "")))
    if (!name.starts_with("trusted.overlay.") && codec::erofs_can_hold_xattr(name, value.size()))
      attributes.xattrs.emplace_back(name, std::move(value));
  return attributes;
}

}  // namespace

Result<ImpliedAttributes> attributes_below(int below, const std::vector<Unpacked::Implied>& implied) {
  ImpliedAttributes found;
  for (const Unpacked::Implied& parent : implied) {
    const sys::UniqueFd directory = TRY(open_below(below, parent.path));
    if (!directory) continue;
    DirectoryAttributes attributes = TRY(attributes_of(directory.get()));
    if (attributes != DirectoryAttributes()) found.emplace(parent.path, std::move(attributes));
  }
  return found;
}

}  // namespace strata::layers
