#include "sys/memory_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "sys/file.h"

namespace strata::sys {

Result<UniqueFd> memory_file(const char* name, std::string_view content) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC));
  if (!fd) return Error::from_errno(errno, "memfd_create");
  TRY(write_all(fd.get(), content));
  if (::lseek(fd.get(), 0, SEEK_SET) != 0) return Error::from_errno(errno, "lseek");
  return fd;
}

}  // namespace strata::sys
