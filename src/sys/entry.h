// One entry of a directory, by the directory's descriptor and the entry's name: no path is walked and no
// symlink followed. An empty name is the descriptor itself (O_PATH will do).
// fstatat(2), readlinkat(2), llistxattr(2), lgetxattr(2). Errors name the call and the entry.
#pragma once

#include <sys/stat.h>

#include <map>
#include <string>

#include "base/result.h"

namespace strata::sys {

Result<struct stat> stat_entry(int dir, const std::string& name);
Result<std::string> read_link_entry(int dir, const std::string& name);
// All extended attributes that this process may read, raw values. None where the file system has none.
Result<std::map<std::string, std::string>> xattrs_of_entry(int dir, const std::string& name);

}  // namespace strata::sys
