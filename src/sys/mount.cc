#include "sys/mount.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "base/strings.h"
#include "sys/file.h"

#ifndef STATX_ATTR_MOUNT_ROOT
#define STATX_ATTR_MOUNT_ROOT 0x00002000
#endif

namespace strata::sys {

Result<FsContext> FsContext::open(const std::string& type) {
  UniqueFd fd(::fsopen(type.c_str(), FSOPEN_CLOEXEC));
  if (!fd) return error_from(errno, "fsopen {}", type);
  return FsContext(std::move(fd), type);
}

Result<FsContext> FsContext::pick(const std::string& path) {
  UniqueFd fd(::fspick(AT_FDCWD, path.c_str(), FSPICK_CLOEXEC | FSPICK_SYMLINK_NOFOLLOW | FSPICK_NO_AUTOMOUNT));
  if (!fd) return error_from(errno, "fspick {}", path);
  return FsContext(std::move(fd), path);
}

// What the kernel logged into the context, "e overlay: …" a line, is often the only good explanation.
Error FsContext::failure(std::string_view what, int error_number) {
  std::string said;
  char line[512];
  for (int i = 0; i < 8; ++i) {
    const ssize_t got = ::read(fd_.get(), line, sizeof line);
    if (got <= 2) break;
    if (line[0] != 'e') continue;  // "w" and "i": warnings and information
    if (!said.empty()) said += "; ";
    said += printable(trim(std::string_view(line + 2, static_cast<std::size_t>(got) - 2)));
  }
  if (said.empty()) return error_from(error_number, "mount {}: {}", type_, what);
  return error_from(error_number, "mount {}: {} ({})", type_, what, said);
}

Result<> FsContext::set_flag(const std::string& key) {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_FLAG, key.c_str(), nullptr, 0) != 0) return failure(key, errno);
  return {};
}

Result<> FsContext::set_string(const std::string& key, const std::string& value) {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_STRING, key.c_str(), value.c_str(), 0) != 0)
    return failure(key + "=" + value, errno);
  return {};
}

Result<> FsContext::set_fd(const std::string& key, int fd) {
  if (::fsconfig(fd_.get(), FSCONFIG_SET_FD, key.c_str(), nullptr, fd) != 0) return failure(key, errno);
  return {};
}

Result<UniqueFd> FsContext::mount(unsigned attributes) {
  if (::fsconfig(fd_.get(), FSCONFIG_CMD_CREATE, nullptr, nullptr, 0) != 0) return failure("create", errno);
  UniqueFd mount(::fsmount(fd_.get(), FSMOUNT_CLOEXEC, attributes));
  if (!mount) return failure("fsmount", errno);
  return mount;
}

Result<> FsContext::reconfigure() {
  if (::fsconfig(fd_.get(), FSCONFIG_CMD_RECONFIGURE, nullptr, nullptr, 0) != 0) return failure("reconfigure", errno);
  return {};
}

Result<> attach_mount(int mount, const std::string& target) {
  if (::move_mount(mount, "", AT_FDCWD, target.c_str(), MOVE_MOUNT_F_EMPTY_PATH) != 0)
    return error_from(errno, "move_mount to {}", target);
  return {};
}

Result<UniqueFd> clone_mount(const std::string& path, bool recursive) {
  const unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (recursive ? static_cast<unsigned>(AT_RECURSIVE) : 0u);
  UniqueFd mount(::open_tree(AT_FDCWD, path.c_str(), flags));
  if (!mount) return error_from(errno, "open_tree {}", path);
  return mount;
}

Result<> bind_private(const std::string& source, const std::string& target) {
  // Private before it is attached: on a shared parent a copy would appear in other namespaces.
  const UniqueFd mount = TRY(clone_mount(source, false));
  struct mount_attr attributes{};
  attributes.propagation = MS_PRIVATE;
  if (::mount_setattr(mount.get(), "", AT_EMPTY_PATH, &attributes, sizeof attributes) != 0 &&
      errno != ENOSYS)  // Linux 5.12
    return error_from(errno, "mount_setattr {}", source);
  TRY(attach_mount(mount.get(), target));
  if (::mount(nullptr, target.c_str(), nullptr, MS_PRIVATE, nullptr) != 0)
    return error_from(errno, "make {} private", target);
  return {};
}

Result<> unmount(const std::string& path, int flags) {
  if (::umount2(path.c_str(), flags) != 0) return error_from(errno, "umount {}", path);
  return {};
}

Result<std::uint64_t> file_system_type(int fd) {
  struct statfs info{};
  if (::fstatfs(fd, &info) != 0) return error_from(errno, "fstatfs");
  return static_cast<std::uint64_t>(info.f_type);
}

Result<std::uint64_t> free_space(int fd) {
  struct statfs info{};
  if (::fstatfs(fd, &info) != 0) return error_from(errno, "fstatfs");
  return static_cast<std::uint64_t>(info.f_bavail) * static_cast<std::uint64_t>(info.f_bsize);
}

Result<std::map<std::string, std::string>> mounts_in(const std::string& directory) {
  // proc(5): ID PARENT MAJOR:MINOR ROOT PLACE OPTIONS [TAG…] - TYPE SOURCE OPTIONS; blanks and backslashes of names
  // are octal.
  const auto unescaped = [](std::string_view text) {
    std::string plain;
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto code = text[i] == '\\' ? parse_unsigned(text.substr(i + 1, 3), 8) : std::nullopt;
      plain += code ? static_cast<char>(*code) : text[i];
      if (code) i += 3;
    }
    return plain;
  };
  const std::string mounts = TRY(read_file("/proc/self/mountinfo", 64 << 20));
  std::map<std::string, std::string> found;
  for (const std::string_view line : split(mounts, '\n')) {
    const auto words = split(line, ' ');
    if (words.size() < 10) continue;
    const std::string place = unescaped(words[4]);
    if (!place.starts_with(directory + '/') || place.find('/', directory.size() + 1) != std::string::npos) continue;
    found[place.substr(directory.size() + 1)] = words.back();
  }
  return found;
}

Result<bool> is_mount_point(const std::string& path) {
  struct statx info{};
  if (::statx(AT_FDCWD, path.c_str(), AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE, &info) != 0)
    return error_from(errno, "statx {}", path);
  if ((info.stx_attributes_mask & STATX_ATTR_MOUNT_ROOT) == 0)
    return error(ErrorKind::kUnsupported, "this kernel does not tell mount points (Linux 5.8 does)");
  return (info.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

}  // namespace strata::sys
