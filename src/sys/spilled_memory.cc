#include "sys/spilled_memory.h"

#include <fcntl.h>
#include <malloc.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstdlib>
#include <mutex>
#include <new>
#include <thread>

namespace strata::sys {
namespace {

constexpr std::size_t kHeader = 16;  // before each block: the number of its class; keeps the alignment
constexpr std::size_t kSpaceStep = 16 << 20;
constexpr std::uint64_t kSpaceLeft = std::uint64_t{128} << 20;
constexpr std::size_t kWatchStep = 128 << 10;  // of growth
constexpr auto kWatchEvery = std::chrono::microseconds(200);

// Blocks of four sizes between each two powers of two; a block that is given back serves its size again.
struct Class {
  std::size_t number = 0, size = 0;
};
Class class_of(std::size_t bytes) {
  if (bytes <= 64) return {0, 64};
  const auto log = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;  // 2^log < bytes <= 2^(log+1)
  const std::size_t step = std::size_t{1} << (log - 2);
  const std::size_t quarter = (bytes - (std::size_t{1} << log) + step - 1) / step;  // 1 to 4
  return {(log - 6) * 4 + quarter, (std::size_t{1} << log) + quarter * step};
}

struct Free {
  Free* next;
};

// Pages of files that are mapped here, of which the spilled ones are most.
std::size_t resident_bytes(int statm) {
  std::array<char, 128> text{};
  if (::pread(statm, text.data(), text.size() - 1, 0) <= 0) return SIZE_MAX;
  char* at = text.data();
  for (int field = 0; field < 2; ++field) std::strtoul(at, &at, 10);
  return std::strtoul(at, &at, 10) * static_cast<std::size_t>(::getpagesize());
}

// No destructor: threads may outlive main().
struct Spill {
  std::mutex mutex;
  std::mutex looking;  // of its own: who takes and gives back all the time would keep the watching thread out
  int fd = -1;
  int statm = -1;
  char* base = nullptr;
  std::atomic<std::size_t> used = 0;
  std::size_t checked = 0, watched = 0;
  std::size_t others = SIZE_MAX;  // resident bytes of other files, when it was last looked at; by who is looking
  std::array<Free*, 256> free{};

  void* take(std::size_t bytes);
  void give_back(void* block);
  bool has_space();
  void keep_small();
};
constinit Spill spill;
constinit std::atomic<bool> is_on = false;
constinit std::atomic<std::size_t> kept = 0;
constinit std::atomic<bool> is_used = false;

// A page that the disk has no room for would be SIGBUS.
bool Spill::has_space() {
  if (used < checked) return true;
  struct statfs info{};
  if (::fstatfs(fd, &info) != 0) return false;
  if (static_cast<std::uint64_t>(info.f_bavail) * static_cast<std::uint64_t>(info.f_bsize) < kSpaceLeft + kSpaceStep)
    return false;
  checked = used + kSpaceStep;
  return true;
}

void Spill::keep_small() {
  const std::unique_lock lock(looking, std::try_to_lock);
  if (!lock) return;
  const std::size_t resident = resident_bytes(statm);
  if (others == SIZE_MAX) others = resident;
  if (resident < others + kSpilledResident) return;
  // Of a file's mapping this takes the pages out of the table only; what is in them stays with the file.
  (void)::madvise(base, used, MADV_DONTNEED);
  others = resident_bytes(statm);
}

void* Spill::take(std::size_t bytes) {
  if (bytes > kMaxSpilled / 4) return nullptr;
  const Class wanted = class_of(bytes + kHeader);
  const std::lock_guard lock(mutex);
  char* block = reinterpret_cast<char*>(free[wanted.number]);
  if (block != nullptr) {
    free[wanted.number] = free[wanted.number]->next;
    return block;
  }
  if (used + wanted.size > kMaxSpilled || !has_space()) return nullptr;
  // What is larger than the step asks again for the next one.
  block = base + used;
  used += wanted.size;
  if (!is_used.exchange(true)) is_used.notify_all();
  if (used - watched >= kWatchStep) {
    watched = used;
    keep_small();
  }
  *reinterpret_cast<std::size_t*>(block) = wanted.number;
  return block + kHeader;
}

void Spill::give_back(void* block) {
  const std::size_t number = *reinterpret_cast<std::size_t*>(static_cast<char*>(block) - kHeader);
  const std::lock_guard lock(mutex);
  auto* entry = static_cast<Free*>(block);
  entry->next = free[number];
  free[number] = entry;
}

}  // namespace

Result<> spill_memory(int fd, std::uint64_t from) {
  if (::ftruncate(fd, static_cast<off_t>(from + kMaxSpilled)) != 0) return error_from(errno, "ftruncate");
  void* mapping =
      ::mmap(nullptr, kMaxSpilled, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, static_cast<off_t>(from));
  if (mapping == MAP_FAILED) return error_from(errno, "mmap");
  spill.statm = ::open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
  if (spill.statm < 0) return error_from(errno, "open /proc/self/statm");
  spill.fd = fd;
  spill.base = static_cast<char*>(mapping);
  is_on = true;
  return {};
}

void watch_spilled_memory() {
  if (!is_on) return;
  std::thread([] {
    for (is_used.wait(false);; std::this_thread::sleep_for(kWatchEvery)) spill.keep_small();
  }).detach();
}

Result<> end_with_spilled_memory(std::uint64_t size) {
  if (::ftruncate(spill.fd, static_cast<off_t>(size)) != 0) return Error(ErrorKind::kIo, "ftruncate", errno);
  return {};
}

}  // namespace strata::sys

#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)

// NOLINTBEGIN(misc-new-delete-overloads): the other forms call these.
void* operator new(std::size_t size) {
  using namespace strata::sys;
  if (is_on && kept.load(std::memory_order_relaxed) + size > kKeptMemory)
    if (void* block = spill.take(size)) return block;
  void* block = std::malloc(size == 0 ? 1 : size);
  if (block == nullptr) throw std::bad_alloc();
  kept.fetch_add(::malloc_usable_size(block), std::memory_order_relaxed);
  return block;
}

void operator delete(void* block) noexcept {
  using namespace strata::sys;
  if (block == nullptr) return;
  const auto* at = static_cast<const char*>(block);
  if (is_on && at >= spill.base && at < spill.base + kMaxSpilled) return spill.give_back(block);
  kept.fetch_sub(::malloc_usable_size(block), std::memory_order_relaxed);
  std::free(block);
}

void operator delete(void* block, std::size_t) noexcept { ::operator delete(block); }
// NOLINTEND(misc-new-delete-overloads)

#endif
