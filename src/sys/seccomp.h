// Seccomp filters (seccomp(2)) made in this process, in microseconds: no libseccomp, which needs
// milliseconds for Docker's profile.
//
// Rules are kept per system call number. Neighbouring numbers with the same outcome become one
// range, and the ranges a balanced tree of comparisons: Docker's profile is about 100 ranges, so
// that a call is decided in seven comparisons. Where a filter looks at numbers only, the kernel
// (5.11) remembers the outcome and does not run it at all.
//
// A call made through an ABI that the builder was not given kills the process.
#pragma once

#include <linux/filter.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "base/result.h"
#include "sys/syscall_table.h"

namespace strata::sys {

// One condition on one argument; all 64 bits are compared, whatever the call's own type is. Where
// the kernel takes only 32 of them, kMaskedEqual with mask 0xffffffff is the honest comparison.
struct SyscallTest {
  enum class Op { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kMaskedEqual };
  std::uint32_t argument = 0;  // 0 to 5
  Op op = Op::kEqual;
  std::uint64_t value = 0;
  std::uint64_t mask = ~std::uint64_t{0};  // kMaskedEqual
};

class SeccompFilter {
 public:
  explicit SeccompFilter(std::vector<sock_filter> program) : program_(std::move(program)) {}

  // Gives the calling thread (the process, when it has one thread) the filter. Needs no_new_privs
  // or CAP_SYS_ADMIN. `flags`: SECCOMP_FILTER_FLAG_…
  Result<> load(unsigned flags = 0) const;
  const std::vector<sock_filter>& program() const { return program_; }

  // An allow-list for a worker of our own: native ABI, and a call that is not listed kills the
  // process.
  static SeccompFilter allow_only(std::initializer_list<int> numbers);

 private:
  std::vector<sock_filter> program_;
};

class SeccompBuilder {
 public:
  // Actions are SECCOMP_RET_… values. `unknown_action` is for numbers newer than our table: ENOSYS
  // there lets programs fall back where EPERM would stop them.
  SeccompBuilder(std::initializer_list<SyscallAbi> abis, std::uint32_t default_action, std::uint32_t unknown_action);

  void use(SyscallAbi abi);

  // A negative number (the ABI has no such call) is ignored. Rules with tests are tried in the
  // order they were added; where none holds, the rule without tests decides, or else the default.
  void add(SyscallAbi abi, int number, std::uint32_t action, std::vector<SyscallTest> tests = {});
  bool has(SyscallAbi abi) const { return used_[index(abi)]; }

  // Errors: kResourceExhausted beyond the kernel's 4096 instructions.
  Result<SeccompFilter> build() const;

 private:
  struct Rule {
    std::uint32_t number;
    std::uint32_t action;
    std::vector<SyscallTest> tests;
  };
  struct Abi {
    std::vector<std::uint32_t> actions;  // by number without kX32Bit
    std::vector<Rule> conditional;
  };
  struct Segment;
  static std::size_t index(SyscallAbi abi) { return static_cast<std::size_t>(abi); }
  void append_segments(SyscallAbi abi, std::vector<Segment>& segments) const;

  std::array<Abi, 3> abis_;
  std::array<bool, 3> used_{};
  std::uint32_t default_action_, unknown_action_;
};

}  // namespace strata::sys
