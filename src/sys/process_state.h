// What a process changes about itself before it executes a program of somebody else's.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"

namespace strata::sys {

// Default action for every signal, none blocked.
void reset_signals();

Result<> new_session();  // setsid(2)

// close(2) of a number whose owner lives in the process that we are a copy of.
void close_descriptor(int fd);

// Makes the three descriptors 0, 1 and 2 (they may be any numbers, also each other's) and closes
// all others but `keep`, which stays close-on-exec.
Result<> replace_descriptors(int in, int out, int err, int keep);

// Gives what a standard stream is to the user (fchown(2)), so that /dev/stdout can be opened by
// name. What does not let itself be given away (/dev/null, read-only file systems) stays.
void give_away_stream(int fd, uid_t uid);

mode_t set_umask(mode_t mask);

Result<> change_directory(const std::string& path);
// The working directory as seen from the root. Errors: kPermissionDenied when it lies outside.
Result<std::string> current_directory();

// Whether the calling process may execute it (effective user); else why not: ENOENT, EACCES,
// EISDIR, …
int check_executable(const std::string& path);
// execve(2). Returns only on failure, with the errno.
int execute(const std::string& path, const std::vector<std::string>& arguments,
            const std::vector<std::string>& environment);

[[noreturn]] void exit_now(int code);  // _exit(2)

}  // namespace strata::sys
