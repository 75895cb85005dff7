// Files by descriptor and by paths of our own (the store's, the host's configuration). Paths that an
// image or a user chose go through rooted_path.h instead.
//
// Every function retries EINTR and handles short reads and writes; every error names the call and,
// where a path was given, the path. Descriptors are close-on-exec. Reentrant.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

Result<UniqueFd> open_file(const std::string& path, int flags, mode_t mode = 0644);
Result<UniqueFd> open_at(int dir, const std::string& name, int flags, mode_t mode = 0644);

// Fewer bytes than asked only at the end of the file; 0 is the end.
Result<std::size_t> read_some(int fd, std::span<std::byte> buffer);  // one read(2)
Result<std::size_t> read_full(int fd, std::span<std::byte> buffer);
Result<std::size_t> pread_full(int fd, std::span<std::byte> buffer, std::uint64_t offset);
Result<> write_all(int fd, std::span<const std::byte> bytes);
Result<> write_all(int fd, std::string_view text);
Result<> pwrite_all(int fd, std::span<const std::byte> bytes, std::uint64_t offset);

// The whole file; more than `limit` bytes is kResourceExhausted.
Result<std::string> read_file(const std::string& path, std::size_t limit = 16 << 20);
Result<std::string> read_fd(int fd, std::size_t limit = 16 << 20);
// Writes an existing pseudo-file (/proc, /sys, a cgroup) in one write(2).
Result<> write_pseudo_file(const std::string& path, std::string_view text);
// Replaces `path` at once for every reader: a temporary neighbour and rename(2). No fsync.
Result<> replace_file(const std::string& path, std::string_view content, mode_t mode = 0644);

Result<struct stat> stat_path(const std::string& path);  // follows symlinks
Result<struct stat> lstat_path(const std::string& path);
Result<struct stat> stat_fd(int fd);
bool exists(const std::string& path);  // follows symlinks; false on any error

// mkdir -p; existing directories are left as they are.
Result<> make_directories(const std::string& path, mode_t mode = 0755);
// unlink(2); a missing file is no error.
Result<> remove_file(const std::string& path);
// rm -rf without following symlinks or leaving the file system it starts on (mount points below are an
// error); missing is no error. Deep trees are fine.
Result<> remove_tree(const std::string& path);
Result<> rename_path(const std::string& from, const std::string& to);

// Names without . and .., in the order of the directory. The descriptor's position is not used.
Result<std::vector<std::string>> list_directory(const std::string& path);
Result<std::vector<std::string>> list_directory(int dir);

// copy_file_range(2) where the file systems allow it, else read and write; `length` bytes from
// `in_offset` to the current position of `out`. Less input than that is kCorrupt.
Result<> copy_range(int in, std::uint64_t in_offset, int out, std::uint64_t length);

}  // namespace strata::sys
