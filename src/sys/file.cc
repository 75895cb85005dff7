#include "sys/file.h"

#include <dirent.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

namespace strata::sys {
namespace {

constexpr std::size_t kCopyChunk = 256 << 10;

template <class Call>
auto retry(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

// Removes what is inside `dir`, staying on `device`.
Result<> remove_entries(int dir, dev_t device, const std::string& path) {
  for (const std::string& name : TRY(list_directory(dir), "{}", path)) {
    if (::unlinkat(dir, name.c_str(), 0) == 0 || errno == ENOENT) continue;
    if (errno != EISDIR && errno != EPERM) return error_from(errno, "unlink {}/{}", path, name);
    const UniqueFd child(::openat(dir, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!child) return error_from(errno, "remove {}/{}", path, name);
    const struct stat status = TRY(stat_fd(child.get()));
    if (status.st_dev != device) return error(ErrorKind::kConflict, "{}/{} is a mount point", path, name);
    TRY(remove_entries(child.get(), device, path + '/' + name));
    if (::unlinkat(dir, name.c_str(), AT_REMOVEDIR) != 0 && errno != ENOENT)
      return error_from(errno, "rmdir {}/{}", path, name);
  }
  return {};
}

}  // namespace

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode) {
  UniqueFd fd(retry([&] { return ::open(path.c_str(), flags | O_CLOEXEC, mode); }));
  if (!fd) return error_from(errno, "open {}", path);
  return fd;
}

Result<UniqueFd> open_at(int dir, const std::string& name, int flags, mode_t mode) {
  UniqueFd fd(retry([&] { return ::openat(dir, name.c_str(), flags | O_CLOEXEC, mode); }));
  if (!fd) return error_from(errno, "open {}", name);
  return fd;
}

Result<std::size_t> read_some(int fd, std::span<std::byte> buffer) {
  const ssize_t n = retry([&] { return ::read(fd, buffer.data(), buffer.size()); });
  if (n < 0) return Error::from_errno(errno, "read");
  return static_cast<std::size_t>(n);
}

Result<std::size_t> read_full(int fd, std::span<std::byte> buffer) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const std::size_t n = TRY(read_some(fd, buffer.subspan(done)));
    if (n == 0) break;
    done += n;
  }
  return done;
}

Result<std::size_t> pread_full(int fd, std::span<std::byte> buffer, std::uint64_t offset) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t n = retry(
        [&] { return ::pread(fd, buffer.data() + done, buffer.size() - done, static_cast<off_t>(offset + done)); });
    if (n < 0) return Error::from_errno(errno, "pread");
    if (n == 0) break;
    done += static_cast<std::size_t>(n);
  }
  return done;
}

Result<> write_all(int fd, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t n = retry([&] { return ::write(fd, bytes.data(), bytes.size()); });
    if (n < 0) return Error::from_errno(errno, "write");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
  return {};
}

Result<> write_all(int fd, std::string_view text) {
  return write_all(fd, std::as_bytes(std::span(text.data(), text.size())));
}

Result<> pwrite_all(int fd, std::span<const std::byte> bytes, std::uint64_t offset) {
  while (!bytes.empty()) {
    const ssize_t n = retry([&] { return ::pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset)); });
    if (n < 0) return Error::from_errno(errno, "pwrite");
    bytes = bytes.subspan(static_cast<std::size_t>(n));
    offset += static_cast<std::uint64_t>(n);
  }
  return {};
}

Result<std::string> read_fd(int fd, std::size_t limit) {
  std::string content;
  std::array<std::byte, 16384> buffer;
  for (;;) {
    const std::size_t n = TRY(read_some(fd, buffer));
    if (n == 0) return content;
    if (content.size() + n > limit)
      return error(ErrorKind::kResourceExhausted, "more than the limit of {} bytes", limit);
    content.append(reinterpret_cast<const char*>(buffer.data()), n);
  }
}

Result<std::string> read_file(const std::string& path, std::size_t limit) {
  const UniqueFd fd = TRY(open_file(path, O_RDONLY));
  return read_fd(fd.get(), limit).context(path);
}

Result<> write_pseudo_file(const std::string& path, std::string_view text) {
  const UniqueFd fd = TRY(open_file(path, O_WRONLY));
  if (retry([&] { return ::write(fd.get(), text.data(), text.size()); }) < 0)
    return error_from(errno, "write {}", path);
  return {};
}

Result<> replace_file(const std::string& path, std::string_view content, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  UniqueFd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) return error_from(errno, "create {}", temporary);
  Result<> written = write_all(fd.get(), content).context(path);
  if (written && ::fchmod(fd.get(), mode) != 0) written = error_from(errno, "chmod {}", path);
  if (written) written = fd.close().context(path);
  if (written && ::rename(temporary.c_str(), path.c_str()) != 0) written = error_from(errno, "rename to {}", path);
  if (!written) ::unlink(temporary.c_str());
  return written;
}

Result<struct stat> stat_path(const std::string& path) {
  struct stat status;
  if (::stat(path.c_str(), &status) != 0) return error_from(errno, "stat {}", path);
  return status;
}

Result<struct stat> lstat_path(const std::string& path) {
  struct stat status;
  if (::lstat(path.c_str(), &status) != 0) return error_from(errno, "stat {}", path);
  return status;
}

Result<struct stat> stat_fd(int fd) {
  struct stat status;
  if (::fstat(fd, &status) != 0) return Error::from_errno(errno, "stat");
  return status;
}

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

Result<> make_directories(const std::string& path, mode_t mode) {
  if (::mkdir(path.c_str(), mode) == 0) return {};
  if (errno == ENOENT) {
    const auto slash = path.find_last_of('/');
    if (slash == std::string::npos || slash == 0) return error_from(ENOENT, "mkdir {}", path);
    TRY(make_directories(path.substr(0, slash), mode));
    if (::mkdir(path.c_str(), mode) == 0) return {};
  }
  if (errno == EEXIST) {
    const auto status = stat_path(path);
    if (status && S_ISDIR(status->st_mode)) return {};
    return error_from(ENOTDIR, "mkdir {}", path);
  }
  return error_from(errno, "mkdir {}", path);
}

Result<> remove_file(const std::string& path) {
  if (::unlink(path.c_str()) != 0 && errno != ENOENT) return error_from(errno, "unlink {}", path);
  return {};
}

Result<> remove_tree(const std::string& path) {
  if (::unlink(path.c_str()) == 0 || errno == ENOENT) return {};
  if (errno != EISDIR && errno != EPERM) return error_from(errno, "unlink {}", path);
  const UniqueFd dir = TRY(open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  const struct stat status = TRY(stat_fd(dir.get()));
  TRY(remove_entries(dir.get(), status.st_dev, path));
  if (::rmdir(path.c_str()) != 0 && errno != ENOENT) return error_from(errno, "rmdir {}", path);
  return {};
}

Result<> rename_path(const std::string& from, const std::string& to) {
  if (::rename(from.c_str(), to.c_str()) != 0) return error_from(errno, "rename {} to {}", from, to);
  return {};
}

Result<std::vector<std::string>> list_directory(int dir) {
  const int copy = ::openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (copy < 0) return Error::from_errno(errno, "open directory");
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(copy), ::closedir);
  std::vector<std::string> names;
  for (;;) {
    errno = 0;
    const dirent* entry = ::readdir(stream.get());
    if (entry == nullptr) break;
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return Error::from_errno(errno, "readdir");
  return names;
}

Result<std::vector<std::string>> list_directory(const std::string& path) {
  const UniqueFd dir = TRY(open_file(path, O_RDONLY | O_DIRECTORY));
  return list_directory(dir.get()).context(path);
}

Result<> copy_range(int in, std::uint64_t in_offset, int out, std::uint64_t length) {
  auto position = static_cast<off64_t>(in_offset);
  while (length > 0) {
    const ssize_t n = retry([&] { return ::copy_file_range(in, &position, out, nullptr, length, 0); });
    if (n == 0) return error(ErrorKind::kCorrupt, "file ends {} bytes early", length);
    if (n < 0) break;  // another file system, a pipe, an old kernel: copy by hand
    length -= static_cast<std::uint64_t>(n);
  }
  std::vector<std::byte> buffer(std::min<std::uint64_t>(length, kCopyChunk));
  while (length > 0) {
    const auto chunk = std::span(buffer).first(std::min<std::uint64_t>(length, buffer.size()));
    const std::size_t n = TRY(pread_full(in, chunk, static_cast<std::uint64_t>(position)));
    if (n == 0) return error(ErrorKind::kCorrupt, "file ends {} bytes early", length);
    TRY(write_all(out, std::span<const std::byte>(chunk.first(n))));
    position += static_cast<off64_t>(n);
    length -= n;
  }
  return {};
}

}  // namespace strata::sys
