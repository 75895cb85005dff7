#include "runtime/seccomp_profile.h"

#include <linux/seccomp.h>

#include <cerrno>
#include <optional>
#include <utility>

namespace strata::runtime {
namespace {

using sys::SyscallAbi;
using sys::SyscallTest;

Result<std::uint32_t> action_value(std::string_view name, std::optional<std::uint32_t> errno_ret) {
  const std::uint32_t data = errno_ret.value_or(EPERM) & SECCOMP_RET_DATA;
  if (name == "SCMP_ACT_ALLOW") return SECCOMP_RET_ALLOW;
  if (name == "SCMP_ACT_ERRNO") return SECCOMP_RET_ERRNO | data;
  if (name == "SCMP_ACT_KILL" || name == "SCMP_ACT_KILL_THREAD") return SECCOMP_RET_KILL_THREAD;
  if (name == "SCMP_ACT_KILL_PROCESS") return SECCOMP_RET_KILL_PROCESS;
  if (name == "SCMP_ACT_TRAP") return SECCOMP_RET_TRAP;
  if (name == "SCMP_ACT_TRACE") return SECCOMP_RET_TRACE | data;
  if (name == "SCMP_ACT_LOG") return SECCOMP_RET_LOG;
  if (name == "SCMP_ACT_NOTIFY") return error(ErrorKind::kUnsupported, "seccomp: SCMP_ACT_NOTIFY is not supported yet");
  return error(ErrorKind::kInvalidArgument, "seccomp: unknown action {:?}", name);
}

Result<SyscallTest> test_of(const oci::SeccompArg& arg) {
  using Op = SyscallTest::Op;
  static constexpr std::pair<std::string_view, Op> kOps[] = {
      {"SCMP_CMP_NE", Op::kNotEqual},           {"SCMP_CMP_LT", Op::kLess},
      {"SCMP_CMP_LE", Op::kLessEqual},          {"SCMP_CMP_EQ", Op::kEqual},
      {"SCMP_CMP_GE", Op::kGreaterEqual},       {"SCMP_CMP_GT", Op::kGreater},
      {"SCMP_CMP_MASKED_EQ", Op::kMaskedEqual},
  };
  if (arg.index > 5) return error(ErrorKind::kInvalidArgument, "seccomp: no argument {} in a system call", arg.index);
  for (const auto& [name, op] : kOps) {
    if (name != arg.op) continue;
    // In a profile a masked comparison has the mask first.
    if (op == Op::kMaskedEqual) return SyscallTest{arg.index, op, arg.value_two, arg.value};
    return SyscallTest{arg.index, op, arg.value};
  }
  return error(ErrorKind::kInvalidArgument, "seccomp: unknown comparison {:?}", arg.op);
}

// All tests of a rule must hold; but two on one argument mean either, as runc has it (libseccomp
// cannot say both in one rule).
bool names_an_argument_twice(const std::vector<SyscallTest>& tests) {
  unsigned seen = 0;
  for (const SyscallTest& test : tests) {
    if ((seen >> test.argument) & 1) return true;
    seen |= 1u << test.argument;
  }
  return false;
}

struct Architectures {
  bool x86_64 = true, x86 = false, x32 = false;
};

// The native one is always there: without it not even the program could be executed.
Result<Architectures> architectures_of(const oci::Seccomp& profile) {
  Architectures result;
  for (const std::string& name : profile.architectures) {
    if (name == "SCMP_ARCH_X86")
      result.x86 = true;
    else if (name == "SCMP_ARCH_X32")
      result.x32 = true;
    else if (!name.starts_with("SCMP_ARCH_"))
      return error(ErrorKind::kInvalidArgument, "seccomp: unknown architecture {:?}", name);
    // Other machines' ABIs cannot be called here.
  }
  return result;
}

}  // namespace

Result<sys::SeccompFilter> compile_seccomp(const oci::Seccomp& profile) {
  const Architectures archs = TRY(architectures_of(profile));
  const std::uint32_t fallback = TRY(action_value(profile.default_action, profile.default_errno_ret));
  // A profile that refuses by default was written before the newest calls: say that they do not
  // exist.
  const bool refuses = (fallback & SECCOMP_RET_ACTION_FULL) == SECCOMP_RET_ERRNO;
  const std::uint32_t unknown = refuses ? SECCOMP_RET_ERRNO | ENOSYS : fallback;
  sys::SeccompBuilder builder({SyscallAbi::kX86_64}, fallback, unknown);
  if (archs.x86) builder.use(SyscallAbi::kX86);
  if (archs.x32) builder.use(SyscallAbi::kX32);
  for (const oci::SeccompSyscalls& rule : profile.syscalls) {
    const std::uint32_t action = TRY(action_value(rule.action, rule.errno_ret));
    std::vector<SyscallTest> tests;
    for (const oci::SeccompArg& arg : rule.args) tests.push_back(TRY(test_of(arg)));
    for (const std::string& name : rule.names)
      for (const SyscallAbi abi : {SyscallAbi::kX86_64, SyscallAbi::kX86, SyscallAbi::kX32}) {
        const int number = sys::syscall_number(abi, name);
        if (!names_an_argument_twice(tests))
          builder.add(abi, number, action, tests);
        else
          for (const SyscallTest& test : tests) builder.add(abi, number, action, {test});
      }
  }
  return builder.build();
}

Result<unsigned> seccomp_flags(const oci::Seccomp& profile) {
  unsigned flags = 0;
  for (const std::string& flag : profile.flags) {
    if (flag == "SECCOMP_FILTER_FLAG_LOG")
      flags |= SECCOMP_FILTER_FLAG_LOG;
    else if (flag == "SECCOMP_FILTER_FLAG_SPEC_ALLOW")
      flags |= SECCOMP_FILTER_FLAG_SPEC_ALLOW;
    else if (flag != "SECCOMP_FILTER_FLAG_TSYNC")  // the process has one thread
      return error(ErrorKind::kInvalidArgument, "seccomp: unknown flag {:?}", flag);
  }
  return flags;
}

}  // namespace strata::runtime
