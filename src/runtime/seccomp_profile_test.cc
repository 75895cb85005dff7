#include "runtime/seccomp_profile.h"

#include <linux/audit.h>
#include <linux/seccomp.h>

#include <cerrno>

#include "sys/seccomp_simulator.h"
#include <gtest/gtest.h>

namespace strata::runtime {
namespace {

using sys::SyscallAbi;
constexpr std::uint32_t kAllow = SECCOMP_RET_ALLOW;
constexpr std::uint32_t kPerm = SECCOMP_RET_ERRNO | EPERM;
constexpr std::uint32_t kNoSys = SECCOMP_RET_ERRNO | ENOSYS;

std::uint32_t outcome(const sys::SeccompFilter& filter, std::string_view call, std::uint64_t first = 0,
                      SyscallAbi abi = SyscallAbi::kX86_64) {
  const std::uint64_t args[6] = {first};
  return sys::simulate(filter, abi == SyscallAbi::kX86 ? AUDIT_ARCH_I386 : AUDIT_ARCH_X86_64,
                       static_cast<std::uint32_t>(sys::syscall_number(abi, call)), args);
}
constexpr sys::CapabilityMask bit(int capability) { return sys::CapabilityMask{1} << capability; }

TEST(DefaultSeccomp, DecidesAsDockersProfile) {
  const auto filter = *default_seccomp(0);
  struct {
    const char* call;
    std::uint64_t argument;
    std::uint32_t expected;
  } const cases[] = {
      {"read", 0, kAllow},
      {"execve", 0, kAllow},
      {"openat2", 0, kAllow},
      {"futex_wait", 0, kAllow},
      {"ptrace", 0, kAllow},
      {"mseal", 0, kAllow},
      {"statmount", 0, kAllow},
      {"mount", 0, kPerm},
      {"umount2", 0, kPerm},
      {"unshare", 0, kPerm},
      {"setns", 0, kPerm},
      {"bpf", 0, kPerm},
      {"keyctl", 0, kPerm},
      {"add_key", 0, kPerm},
      {"io_uring_setup", 0, kPerm},
      {"kexec_load", 0, kPerm},
      {"userfaultfd", 0, kPerm},
      {"perf_event_open", 0, kPerm},
      {"reboot", 0, kPerm},
      {"open_by_handle_at", 0, kPerm},
      {"clone3", 0, kNoSys},
      {"clone", 0x11, kAllow},
      {"clone", 0x10000000 /*NEWUSER*/, kPerm},
      {"clone", 0x20000, kPerm},
      {"personality", 0, kAllow},
      {"personality", 8, kAllow},
      {"personality", 0xffffffff, kAllow},
      {"personality", 0x40000, kPerm},
      {"socket", 2, kAllow},
      {"socket", 16, kAllow},
      {"socket", 39, kAllow},
      {"socket", 38, kPerm},
      {"socket", 40, kPerm},
      {"socket", 0x1'0000'0026, kPerm},
  };
  for (const auto& [call, argument, expected] : cases)
    EXPECT_EQ(outcome(filter, call, argument), expected) << call << " " << argument;
}

TEST(DefaultSeccomp, CapabilitiesOpenWhatTheyAreFor) {
  const std::pair<const char*, int> cases[] = {
      {"mount", 21},           {"setns", 21},   {"clone3", 21},        {"unshare", 21},
      {"syslog", 34},          {"bpf", 39},     {"chroot", 18},        {"reboot", 22},
      {"init_module", 16},     {"acct", 20},    {"kcmp", 19},          {"iopl", 17},
      {"mbind", 23},           {"vhangup", 26}, {"clock_settime", 25}, {"open_by_handle_at", 2},
      {"perf_event_open", 38},
  };
  for (const auto& [call, capability] : cases) {
    EXPECT_EQ(outcome(*default_seccomp(bit(capability)), call), kAllow) << call;
    EXPECT_NE(outcome(*default_seccomp(~bit(capability) & ~bit(21)), call), kAllow) << call;
  }
  EXPECT_EQ(outcome(*default_seccomp(bit(21)), "clone", 0x10000000), kAllow);
}

TEST(DefaultSeccomp, HoldsForTheOtherAbisToo) {
  const auto filter = *default_seccomp(0);
  EXPECT_EQ(outcome(filter, "mount", 0, SyscallAbi::kX86), kPerm);
  EXPECT_EQ(outcome(filter, "socketcall", 0, SyscallAbi::kX86), kAllow);
  EXPECT_EQ(outcome(filter, "waitpid", 0, SyscallAbi::kX86), kAllow);
  EXPECT_EQ(outcome(filter, "clone", 0x10000000, SyscallAbi::kX86), kPerm);
  EXPECT_EQ(outcome(filter, "execve", 0, SyscallAbi::kX32), kAllow);
  EXPECT_EQ(outcome(filter, "mount", 0, SyscallAbi::kX32), kPerm);
  EXPECT_EQ(sys::simulate(filter, AUDIT_ARCH_X86_64, 5000), kNoSys) << "newer than the profile: not there";
}

TEST(SeccompProfile, CompilesWhatASpecSays) {
  oci::Seccomp profile;
  profile.default_action = "SCMP_ACT_ALLOW";
  profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86"};
  profile.syscalls = {
      {{"getcwd", "no_such_call"}, "SCMP_ACT_ERRNO", 38, {}},
      {{"kill"}, "SCMP_ACT_KILL_PROCESS", {}, {{1, 9, 0, "SCMP_CMP_EQ"}}},
      {{"prctl"}, "SCMP_ACT_TRAP", {}, {{0, 0xf0, 0x10, "SCMP_CMP_MASKED_EQ"}}},
      {{"setuid"}, "SCMP_ACT_LOG", {}, {{0, 1, 0, "SCMP_CMP_EQ"}, {0, 2, 0, "SCMP_CMP_EQ"}}},
  };
  const auto filter = *compile_seccomp(profile);
  EXPECT_EQ(outcome(filter, "getcwd"), kNoSys);
  EXPECT_EQ(outcome(filter, "getcwd", 0, SyscallAbi::kX86), kNoSys);
  EXPECT_EQ(outcome(filter, "read"), kAllow);
  EXPECT_EQ(outcome(filter, "prctl", 0x15), std::uint32_t{SECCOMP_RET_TRAP});
  EXPECT_EQ(outcome(filter, "prctl", 0x25), kAllow);
  EXPECT_EQ(outcome(filter, "setuid", 1), std::uint32_t{SECCOMP_RET_LOG}) << "one argument twice: either";
  EXPECT_EQ(outcome(filter, "setuid", 2), std::uint32_t{SECCOMP_RET_LOG});
  EXPECT_EQ(outcome(filter, "setuid", 3), kAllow);
  const std::uint64_t kill9[6] = {1, 9};
  EXPECT_EQ(sys::simulate(filter, AUDIT_ARCH_X86_64, 62, kill9), std::uint32_t{SECCOMP_RET_KILL_PROCESS});
  EXPECT_EQ(sys::simulate(filter, AUDIT_ARCH_X86_64, sys::kX32Bit + 1), std::uint32_t{SECCOMP_RET_KILL_PROCESS})
      << "x32 was not listed";
}

TEST(SeccompProfile, WhatMakesNoSenseIsNamed) {
  const auto message = [](const oci::Seccomp& profile) {
    const auto filter = compile_seccomp(profile);
    return filter ? std::string("compiled") : filter.error().message();
  };
  EXPECT_NE(message({.default_action = "SCMP_ACT_MAYBE"}).find("SCMP_ACT_MAYBE"), std::string::npos);
  EXPECT_NE(message({.default_action = "SCMP_ACT_ALLOW", .architectures = {"Z80"}}).find("Z80"), std::string::npos);
  EXPECT_NE(
      message({.default_action = "SCMP_ACT_ALLOW", .syscalls = {{{"read"}, "SCMP_ACT_NOTIFY", {}, {}}}}).find("NOTIFY"),
      std::string::npos);
  EXPECT_NE(message({.default_action = "SCMP_ACT_ALLOW",
                     .syscalls = {{{"read"}, "SCMP_ACT_LOG", {}, {{6, 0, 0, "SCMP_CMP_EQ"}}}}})
                .find("argument 6"),
            std::string::npos);
  EXPECT_FALSE(seccomp_flags({.flags = {"SOMETHING"}}));
}

}  // namespace
}  // namespace strata::runtime
