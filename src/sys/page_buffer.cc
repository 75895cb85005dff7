#include "sys/page_buffer.h"

#include <sys/mman.h>

#include <cerrno>

namespace strata::sys {

Result<PageBuffer> PageBuffer::create(std::size_t size) {
  void* address = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (address == MAP_FAILED) return Error::from_errno(errno, "mmap");
  PageBuffer buffer;
  buffer.bytes_ = {static_cast<std::byte*>(address), size};
  return buffer;
}

PageBuffer::~PageBuffer() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

void PageBuffer::forget() {
  if (!bytes_.empty()) ::madvise(bytes_.data(), bytes_.size(), MADV_DONTNEED);
}

}  // namespace strata::sys
