#include "sys/fifo.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

namespace strata::sys {
namespace {

Result<UniqueFd> open_end(int directory, const char* name, int flags) {
  UniqueFd fd(::openat(directory, name, flags | O_CLOEXEC | O_NOFOLLOW));
  if (!fd) return Error::from_errno(errno, "open a FIFO");
  return fd;
}

}  // namespace

Result<> make_private(int directory) {
  if (::fchmod(directory, 0700) != 0) return Error::from_errno(errno, "chmod");
  return {};
}

Result<> make_fifo(int directory, const char* name) {
  if (::mkfifoat(directory, name, 0666) != 0) {
    if (errno != EEXIST) return Error::from_errno(errno, "mkfifo");
    if (::unlinkat(directory, name, 0) != 0 && errno != ENOENT) return Error::from_errno(errno, "remove the old FIFO");
    if (::mkfifoat(directory, name, 0666) != 0) return Error::from_errno(errno, "mkfifo");
  }
  if (::fchmodat(directory, name, 0666, 0) != 0) return Error::from_errno(errno, "chmod a FIFO");
  return {};
}

Result<FifoEnds> open_output_fifo(int directory, const char* name) {
  FifoEnds ends;
  ends.theirs = TRY(open_end(directory, name, O_RDWR));  // first: opening both ways never waits
  ends.ours = TRY(open_end(directory, name, O_RDONLY | O_NONBLOCK));
  return ends;
}

Result<FifoEnds> open_input_fifo(int directory, const char* name) {
  FifoEnds ends;
  const UniqueFd both = TRY(open_end(directory, name, O_RDWR));  // so that the others need not wait
  ends.ours = TRY(open_end(directory, name, O_WRONLY | O_NONBLOCK));
  ends.theirs = TRY(open_end(directory, name, O_RDONLY));
  return ends;
}

Result<UniqueFd> reopen_output_fifo(int directory, const char* name) {
  return open_end(directory, name, O_RDONLY | O_NONBLOCK);
}

}  // namespace strata::sys
