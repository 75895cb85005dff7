// Which file a command's first word is, and what it is called when it cannot be run. In the
// container, as its user.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace strata::runtime {

// A name with a slash is that file; any other is looked for in the directories of PATH. Errors are
// Docker's words: kCommandNotFound (exec: "foo": executable file not found in $PATH) and
// kCommandNotRunnable (exec: "/etc": is a directory).
Result<std::string> find_executable(const std::string& command, const std::vector<std::string>& environment);

// For the errno with which execve(2) refused the program.
Error execution_error(const std::string& program, int error_number);

}  // namespace strata::runtime
