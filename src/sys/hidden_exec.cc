#include "sys/hidden_exec.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/memfd.h>
#include <linux/prctl.h>
#include <linux/seccomp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "sys/file.h"
#include "sys/process_state.h"
#include "sys/unique_fd.h"

#ifndef __x86_64__
#error "the last steps are written for x86-64 so far"
#endif
#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif

extern "C" {
// Of the linker: our program in memory, and the section below.
extern char __executable_start, _end;
extern char __start_strata_last_steps, __stop_strata_last_steps;
}

namespace strata::sys {
namespace {

// All that the last steps read lies in anonymous memory: the stack and the heap.
struct Steps {
  void* image;
  std::size_t image_size;
  prctl_mm_map* map;
  int program_fd;
  const sock_fprog* filter;  // null: none
  unsigned filter_flags;
  __user_cap_header_struct* cap_header;
  __user_cap_data_struct* cap_data;
  std::uint64_t ambient;
  const char* path;
  char* const* argv;
  char* const* envp;
  int socket;
  char* report;
  std::size_t report_size;
  std::int32_t* step_and_errno;  // in `report`; may be unaligned
};

__attribute__((always_inline)) inline long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0,
                                                long f = 0) {
  long result;
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}
template <class T>
__attribute__((always_inline)) inline long as_long(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

// Runs from a copy elsewhere, after our program is unmapped: no calls, no globals, no constants in
// memory.
#define STRATA_NOT_INSTRUMENTED __attribute__((no_sanitize("address", "undefined", "thread"), no_stack_protector))
__attribute__((section("strata_last_steps"), noinline, used)) STRATA_NOT_INSTRUMENTED void last_steps(Steps* s) {
  int step = 1;
  long result = call(SYS_munmap, as_long(s->image), static_cast<long>(s->image_size));
  if (result == 0)
    result = call(SYS_prctl, PR_SET_MM, PR_SET_MM_MAP, as_long(s->map), static_cast<long>(sizeof *s->map));
  if (result == 0) {
    call(SYS_close, s->program_fd);
    step = 2;
    if (s->filter != nullptr) result = call(SYS_seccomp, SECCOMP_SET_MODE_FILTER, s->filter_flags, as_long(s->filter));
  }
  if (result == 0) {
    step = 3;
    result = call(SYS_capset, as_long(s->cap_header), as_long(s->cap_data));
  }
  for (long cap = 0; cap < 64 && result == 0; ++cap)
    if ((s->ambient >> cap) & 1) result = call(SYS_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap);
  if (result == 0) {
    step = 4;
    result = call(SYS_execve, as_long(s->path), as_long(s->argv), as_long(s->envp));
  }
  // One byte after the other: anything shorter might become a call of memcpy.
  volatile char* at = reinterpret_cast<volatile char*>(s->step_and_errno);
  for (int i = 0; i < 4; ++i) {
    at[i] = static_cast<char>(step >> (8 * i));
    at[4 + i] = static_cast<char>(-result >> (8 * i));
  }
  call(SYS_sendto, s->socket, as_long(s->report), static_cast<long>(s->report_size), MSG_NOSIGNAL);
  for (;;) call(SYS_exit_group, 127);
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (const std::string& s : strings) result.push_back(const_cast<char*>(s.c_str()));
  result.push_back(nullptr);
  return result;
}

// What /proc/self/exe becomes: an empty file that is not there.
Result<UniqueFd> no_program() {
  UniqueFd fd(static_cast<int>(::syscall(SYS_memfd_create, "container", MFD_CLOEXEC | MFD_EXEC)));
  if (!fd && errno == EINVAL)  // before Linux 6.3 every memory file may be executed
    fd = UniqueFd(static_cast<int>(::syscall(SYS_memfd_create, "container", MFD_CLOEXEC)));
  if (!fd) return Error::from_errno(errno, "memfd_create");
  return fd;
}

bool kernel_can_hide() {
  unsigned size = 0;
  if (::prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) != 0 || size != sizeof(prctl_mm_map)) return false;
  const auto own = current_capabilities();
  constexpr CapabilityMask kSysAdmin = CapabilityMask{1} << CAP_SYS_ADMIN;
  return own && (own->effective & kSysAdmin) != 0;
}

std::uintptr_t address(const void* pointer) { return reinterpret_cast<std::uintptr_t>(pointer); }

}  // namespace

Error execute_hidden(const HiddenExec& what) {
  if (!kernel_can_hide()) return error(ErrorKind::kUnsupported, "this kernel cannot change a process's program");
  auto program_fd = no_program();
  if (!program_fd) return std::move(program_fd).take_error();

  const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const auto size = static_cast<std::size_t>(&__stop_strata_last_steps - &__start_strata_last_steps);
  const std::size_t code_size = (size + page - 1) & ~(page - 1);
  void* code = ::mmap(nullptr, code_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (code == MAP_FAILED) return Error::from_errno(errno, "mmap");
  std::memcpy(code, &__start_strata_last_steps, size);
  if (::mprotect(code, code_size, PROT_READ | PROT_EXEC) != 0) return Error::from_errno(errno, "mprotect");

  // The kernel wants some addresses in order; nobody looks at them before the next program sets its
  // own.
  prctl_mm_map map{};
  map.start_code = address(code);
  map.end_code = address(code) + code_size;
  map.start_data = map.end_data = map.start_brk = map.brk = map.start_stack = address(code);
  map.arg_start = map.arg_end = map.env_start = map.env_end = address(code);
  map.exe_fd = static_cast<std::uint32_t>(program_fd->get());

  const std::vector<char*> argv = pointers(what.arguments), envp = pointers(what.environment);
  sock_fprog filter{};
  if (what.filter != nullptr)
    filter = {static_cast<unsigned short>(what.filter->program().size()),
              const_cast<sock_filter*>(what.filter->program().data())};
  __user_cap_header_struct cap_header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct cap_data[2];
  for (int half = 0; half < 2; ++half) {
    cap_data[half].effective = static_cast<std::uint32_t>(what.capabilities.effective >> (32 * half));
    cap_data[half].permitted = static_cast<std::uint32_t>(what.capabilities.permitted >> (32 * half));
    cap_data[half].inheritable = static_cast<std::uint32_t>(what.capabilities.inheritable >> (32 * half));
  }
  std::string path = what.program, report = what.report;

  Steps steps{};
  steps.image = reinterpret_cast<void*>(address(&__executable_start) & ~(page - 1));
  steps.image_size = ((address(&_end) + page - 1) & ~(page - 1)) - address(steps.image);
  steps.map = &map;
  steps.program_fd = program_fd->get();
  steps.filter = what.filter != nullptr ? &filter : nullptr;
  steps.filter_flags = what.filter_flags;
  steps.cap_header = &cap_header;
  steps.cap_data = cap_data;
  steps.ambient = what.capabilities.ambient;
  steps.path = path.c_str();
  steps.argv = argv.data();
  steps.envp = envp.data();
  steps.socket = what.socket;
  steps.report = report.data();
  steps.report_size = report.size();
  steps.step_and_errno = reinterpret_cast<std::int32_t*>(report.data() + what.report_at);
  const auto entry =
      address(code) + (reinterpret_cast<std::uintptr_t>(&last_steps) - address(&__start_strata_last_steps));
  reinterpret_cast<void (*)(Steps*)>(entry)(&steps);
  __builtin_unreachable();
}

bool leads_to_ourselves(const std::string& program) {
  const auto own = stat_path("/proc/self/exe");
  std::string path = program;
  constexpr int kMaxInterpreters = 5;  // the kernel's BINPRM depth
  for (int depth = 0; own && depth < kMaxInterpreters; ++depth) {
    const auto there = stat_path(path);
    if (!there) return false;
    if (there->st_dev == own->st_dev && there->st_ino == own->st_ino) return true;
    const auto file = open_file(path, O_RDONLY | O_NONBLOCK);
    if (!file) return false;
    std::array<char, 256> head{};
    const auto size = read_full(file->get(), std::as_writable_bytes(std::span(head)));
    if (!size) return false;
    std::string_view line(head.data(), *size);
    if (!line.starts_with("#!")) return false;
    line = line.substr(2, line.find('\n') == std::string_view::npos ? line.npos : line.find('\n') - 2);
    const auto begin = line.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return false;
    line.remove_prefix(begin);
    path = std::string(line.substr(0, line.find_first_of(" \t")));
  }
  return false;
}

}  // namespace strata::sys
