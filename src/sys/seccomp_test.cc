#include "sys/seccomp.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "sys/seccomp_simulator.h"
#include <gtest/gtest.h>

namespace strata::sys {
namespace {

using Op = SyscallTest::Op;
constexpr std::uint32_t kNo = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kUnknown = SECCOMP_RET_ERRNO | ENOSYS;
constexpr std::uint32_t kYes = SECCOMP_RET_ALLOW;

TEST(SyscallTable, IsSortedAndKnowsEachAbi) {
  for (std::size_t i = 1; i < std::size(kSyscalls); ++i) EXPECT_LT(kSyscalls[i - 1].name, kSyscalls[i].name);
  EXPECT_EQ(syscall_number(SyscallAbi::kX86_64, "execve"), SYS_execve);
  EXPECT_EQ(syscall_number(SyscallAbi::kX86, "execve"), 11);
  EXPECT_EQ(syscall_number(SyscallAbi::kX32, "execve"), 520 | 0x40000000);
  EXPECT_EQ(syscall_number(SyscallAbi::kX86, "socketcall"), 102);
  EXPECT_EQ(syscall_number(SyscallAbi::kX86_64, "socketcall"), -1);
  EXPECT_EQ(syscall_number(SyscallAbi::kX86_64, "no_such_call"), -1);
  EXPECT_GE(newest_syscall(SyscallAbi::kX86_64), 462);
}

TEST(Seccomp, DecidesEveryNumberAsItsRuleSays) {
  SeccompBuilder builder({SyscallAbi::kX86_64, SyscallAbi::kX86, SyscallAbi::kX32}, kNo, kUnknown);
  const auto allowed = [](int number) { return number % 3 == 0 || (number > 100 && number < 200); };
  for (const SyscallAbi abi : {SyscallAbi::kX86_64, SyscallAbi::kX86})
    for (int number = 0; number <= newest_syscall(abi); ++number)
      if (allowed(number)) builder.add(abi, number, kYes);
  builder.add(SyscallAbi::kX32, static_cast<int>(kX32Bit) + 7, kYes);
  const SeccompFilter filter = *builder.build();
  for (int number = 0; number < 1000; ++number) {
    const bool known64 = number <= newest_syscall(SyscallAbi::kX86_64),
               known32 = number <= newest_syscall(SyscallAbi::kX86);
    EXPECT_EQ(simulate(filter, AUDIT_ARCH_X86_64, number), known64 ? (allowed(number) ? kYes : kNo) : kUnknown)
        << number;
    EXPECT_EQ(simulate(filter, AUDIT_ARCH_I386, number), known32 ? (allowed(number) ? kYes : kNo) : kUnknown) << number;
  }
  EXPECT_EQ(simulate(filter, AUDIT_ARCH_X86_64, kX32Bit + 7), kYes);
  EXPECT_EQ(simulate(filter, AUDIT_ARCH_X86_64, kX32Bit + 8), kNo);
  EXPECT_EQ(simulate(filter, AUDIT_ARCH_X86_64, 0xffffffff), kUnknown);
  EXPECT_EQ(simulate(filter, AUDIT_ARCH_AARCH64, 0), std::uint32_t{SECCOMP_RET_KILL_PROCESS});
}

TEST(Seccomp, AnAbiThatWasNotAskedForKills) {
  SeccompBuilder builder({SyscallAbi::kX86_64}, kYes, kYes);
  const SeccompFilter filter = *builder.build();
  EXPECT_EQ(simulate(filter, AUDIT_ARCH_X86_64, 1), kYes);
  EXPECT_EQ(simulate(filter, AUDIT_ARCH_X86_64, kX32Bit + 1), std::uint32_t{SECCOMP_RET_KILL_PROCESS});
  EXPECT_EQ(simulate(filter, AUDIT_ARCH_I386, 1), std::uint32_t{SECCOMP_RET_KILL_PROCESS});
}

TEST(Seccomp, ComparesAll64BitsOfArguments) {
  constexpr std::uint64_t kValue = 0x1'0000'0005;
  const std::uint64_t probes[] = {
      0, 5, 6, 0xffff'ffff, 0x1'0000'0004, kValue, 0x1'0000'0006, 0x2'0000'0000, ~std::uint64_t{0}};
  const std::pair<Op, bool (*)(std::uint64_t)> cases[] = {
      {Op::kEqual, [](std::uint64_t x) { return x == kValue; }},
      {Op::kNotEqual, [](std::uint64_t x) { return x != kValue; }},
      {Op::kLess, [](std::uint64_t x) { return x < kValue; }},
      {Op::kLessEqual, [](std::uint64_t x) { return x <= kValue; }},
      {Op::kGreater, [](std::uint64_t x) { return x > kValue; }},
      {Op::kGreaterEqual, [](std::uint64_t x) { return x >= kValue; }},
  };
  for (std::uint32_t argument = 0; argument < 6; ++argument)
    for (const auto& [op, expected] : cases) {
      SeccompBuilder builder({SyscallAbi::kX86_64}, kNo, kUnknown);
      builder.add(SyscallAbi::kX86_64, 41, kYes, {{argument, op, kValue}});
      const SeccompFilter filter = *builder.build();
      for (const std::uint64_t probe : probes) {
        std::uint64_t args[6] = {};
        args[argument] = probe;
        EXPECT_EQ(simulate(filter, AUDIT_ARCH_X86_64, 41, args), expected(probe) ? kYes : kNo)
            << static_cast<int>(op) << " " << probe;
      }
    }
}

TEST(Seccomp, AllTestsOfARuleMustHoldAndTheFirstRuleThatHoldsDecides) {
  SeccompBuilder builder({SyscallAbi::kX86_64}, kNo, kUnknown);
  builder.add(SyscallAbi::kX86_64, 5, SECCOMP_RET_LOG, {{0, Op::kMaskedEqual, 0x10, 0xf0}, {1, Op::kGreater, 7}});
  builder.add(SyscallAbi::kX86_64, 5, SECCOMP_RET_TRAP, {{0, Op::kEqual, 0x12}});
  builder.add(SyscallAbi::kX86_64, 5, kYes);
  const SeccompFilter filter = *builder.build();
  const auto outcome = [&](std::uint64_t a, std::uint64_t b) {
    const std::uint64_t args[6] = {a, b};
    return simulate(filter, AUDIT_ARCH_X86_64, 5, args);
  };
  EXPECT_EQ(outcome(0x12, 8), std::uint32_t{SECCOMP_RET_LOG});
  EXPECT_EQ(outcome(0x12, 7), std::uint32_t{SECCOMP_RET_TRAP});
  EXPECT_EQ(outcome(0x13, 7), kYes);
  EXPECT_EQ(simulate(filter, AUDIT_ARCH_X86_64, 4), kNo);
  EXPECT_EQ(simulate(filter, AUDIT_ARCH_X86_64, 6), kNo);
}

TEST(Seccomp, AFilterBeyondTheKernelsLimitIsAnError) {
  SeccompBuilder builder({SyscallAbi::kX86_64}, kNo, kUnknown);
  for (int number = 0; number < 400; ++number)
    for (int i = 0; i < 3; ++i)
      builder.add(SyscallAbi::kX86_64, number, kYes, {{0, Op::kEqual, static_cast<std::uint64_t>(i)}});
  const auto filter = builder.build();
  ASSERT_FALSE(filter);
  EXPECT_EQ(filter.error().kind(), ErrorKind::kResourceExhausted);
  EXPECT_NE(filter.error().message().find("4096"), std::string::npos);
}

TEST(Seccomp, LongConditionalLeavesStayReachable) {
  SeccompBuilder builder({SyscallAbi::kX86_64}, kNo, kUnknown);
  for (const int number : {10, 20, 30})
    for (std::uint64_t i = 0; i < 100; ++i) builder.add(SyscallAbi::kX86_64, number, kYes, {{0, Op::kEqual, i * 3}});
  const SeccompFilter filter = *builder.build();
  for (const int number : {9, 10, 20, 30, 31}) {
    const std::uint64_t args[6] = {297}, others[6] = {298};
    EXPECT_EQ(simulate(filter, AUDIT_ARCH_X86_64, number, args), number % 10 == 0 ? kYes : kNo) << number;
    EXPECT_EQ(simulate(filter, AUDIT_ARCH_X86_64, number, others), kNo) << number;
  }
}

TEST(Seccomp, TheKernelTakesAndObeysAnAllowList) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (!SeccompFilter::allow_only({SYS_write, SYS_exit_group}).load()) ::_exit(9);
    ::syscall(SYS_getpid);  // not on the list
    ::_exit(8);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS) << status;
}

}  // namespace
}  // namespace strata::sys
