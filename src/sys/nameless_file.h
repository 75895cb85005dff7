// A file without a name until it is complete: O_TMPFILE (open(2)) and linkat(2). Nothing stays of
// it when its last descriptor goes before.
#pragma once

#include <string>

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

// For writing, mode 0600, on the file system of `directory`. Errors: EOPNOTSUPP where that has
// none.
Result<UniqueFd> open_nameless_file(const std::string& directory);
// Gives it a name there. EEXIST when that is taken.
Result<> name_file(int fd, const std::string& path);

}  // namespace strata::sys
