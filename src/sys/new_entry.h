// Making entries of a directory and giving them attributes, by the directory's descriptor and the entry's
// name: no path is walked and no symlink followed. The counterpart of entry.h.
// mkdirat(2), mknodat(2), symlinkat(2), linkat(2), fchownat(2), fchmodat(2), utimensat(2), setxattr(2).
// Errors name the call and the entry. The umask is the caller's business.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace strata::sys {

Result<> make_directory_entry(int dir, const std::string& name, mode_t mode);
// `mode` with its S_IF… bits: a device or FIFO (or an empty regular file).
Result<> make_node_entry(int dir, const std::string& name, mode_t mode, unsigned major, unsigned minor);
Result<> make_symlink_entry(int dir, const std::string& name, const std::string& target);
Result<> make_link_entry(int old_dir, const std::string& old_name, int new_dir, const std::string& new_name);

Result<> set_entry_owner(int dir, const std::string& name, uid_t uid, gid_t gid);  // of a symlink itself
Result<> set_entry_mode(int dir, const std::string& name, mode_t mode);            // not for symlinks
Result<> set_entry_time(int dir, const std::string& name, std::int64_t seconds, std::uint32_t nanoseconds);
// Not thread-safe with others that look at the working directory of this thread: it is `dir` afterwards
// (a thread that shares it with others calls unshare_working_directory() first).
Result<> set_entry_xattr(int dir, const std::string& name, const std::string& xattr, std::string_view value);

// The same for an open directory itself: fsetxattr(2). Thread-safe.
Result<> set_directory_xattr(int directory, const std::string& xattr, std::string_view value);

// The calling thread gets a working directory, root and umask of its own: unshare(CLONE_FS).
Result<> unshare_working_directory();

Result<> set_file_size(int fd, std::uint64_t size);  // ftruncate(2)
Result<> seek_to(int fd, std::uint64_t offset);      // lseek(2)

}  // namespace strata::sys
