// Named pipes (fifo(7)).
#pragma once

#include "base/result.h"
#include "sys/unique_fd.h"

namespace strata::sys {

// Takes the directory from everybody but its owner.
Result<> make_private(int directory);

// mkfifoat(2) with mode 0666 whatever the umask, so that a process in a container that opens /dev/stdout
// anew passes the inode's check whatever its user; it is the directory that must keep others away (see
// make_private). What had the name before is removed.
Result<> make_fifo(int directory, const char* name);

struct FifoEnds {
  UniqueFd ours;    // one direction, non-blocking
  UniqueFd theirs;  // blocking
};
// We read. Their end is open both ways, so that it has a reader for as long as it lives.
Result<FifoEnds> open_output_fifo(int directory, const char* name);
// We write. Their end is for reading only, so that it meets the end of file when ours is closed.
Result<FifoEnds> open_input_fifo(int directory, const char* name);
// Our end alone of an output FIFO that others have open.
Result<UniqueFd> reopen_output_fifo(int directory, const char* name);

}  // namespace strata::sys
