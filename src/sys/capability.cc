#include "sys/capability.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/strings.h"

namespace strata::sys {
namespace {

constexpr std::array<std::string_view, 41> kNames = {"chown",
                                                     "dac_override",
                                                     "dac_read_search",
                                                     "fowner",
                                                     "fsetid",
                                                     "kill",
                                                     "setgid",
                                                     "setuid",
                                                     "setpcap",
                                                     "linux_immutable",
                                                     "net_bind_service",
                                                     "net_broadcast",
                                                     "net_admin",
                                                     "net_raw",
                                                     "ipc_lock",
                                                     "ipc_owner",
                                                     "sys_module",
                                                     "sys_rawio",
                                                     "sys_chroot",
                                                     "sys_ptrace",
                                                     "sys_pacct",
                                                     "sys_admin",
                                                     "sys_boot",
                                                     "sys_nice",
                                                     "sys_resource",
                                                     "sys_time",
                                                     "sys_tty_config",
                                                     "mknod",
                                                     "lease",
                                                     "audit_write",
                                                     "audit_control",
                                                     "setfcap",
                                                     "mac_override",
                                                     "mac_admin",
                                                     "syslog",
                                                     "wake_alarm",
                                                     "block_suspend",
                                                     "audit_read",
                                                     "perfmon",
                                                     "bpf",
                                                     "checkpoint_restore"};

std::uint64_t mask_of(const __user_cap_data_struct data[2], std::uint32_t __user_cap_data_struct::* set) {
  return data[0].*set | (std::uint64_t{data[1].*set} << 32);
}

}  // namespace

std::optional<int> capability_number(std::string_view name) {
  const std::string lower = to_lower(name);
  std::string_view bare = lower;
  if (bare.starts_with("cap_")) bare.remove_prefix(4);
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == bare) return static_cast<int>(i);
  return std::nullopt;
}

std::string capability_name(int number) {
  if (number < 0 || number >= static_cast<int>(kNames.size())) return fmt::format("CAP_{}", number);
  std::string name = "CAP_";
  for (const char c : kNames[static_cast<std::size_t>(number)])
    name += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  return name;
}

CapabilityMask known_capabilities() { return (CapabilityMask{1} << kNames.size()) - 1; }

Result<CapabilitySets> current_capabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  if (::syscall(SYS_capget, &header, data) != 0) return Error::from_errno(errno, "capget");
  CapabilitySets sets;
  sets.effective = mask_of(data, &__user_cap_data_struct::effective);
  sets.permitted = mask_of(data, &__user_cap_data_struct::permitted);
  sets.inheritable = mask_of(data, &__user_cap_data_struct::inheritable);
  for (int cap = 0; cap < 64; ++cap) {
    const int there = ::prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
    if (there < 0) break;  // EINVAL: past the kernel's last one
    if (there == 1) sets.bounding |= CapabilityMask{1} << cap;
    if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, cap, 0, 0) == 1) sets.ambient |= CapabilityMask{1} << cap;
  }
  return sets;
}

Result<> set_capabilities(CapabilityMask effective, CapabilityMask permitted, CapabilityMask inheritable) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  for (int half = 0; half < 2; ++half) {
    data[half].effective = static_cast<std::uint32_t>(effective >> (32 * half));
    data[half].permitted = static_cast<std::uint32_t>(permitted >> (32 * half));
    data[half].inheritable = static_cast<std::uint32_t>(inheritable >> (32 * half));
  }
  if (::syscall(SYS_capset, &header, data) != 0) return Error::from_errno(errno, "capset");
  return {};
}

Result<> limit_bounding(CapabilityMask keep) {
  for (int cap = 0; cap < 64; ++cap) {
    if ((keep >> cap) & 1) continue;
    const int there = ::prctl(PR_CAPBSET_READ, cap, 0, 0, 0);
    if (there < 0) break;  // past the kernel's last one
    if (there == 1 && ::prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) != 0)
      return error_from(errno, "drop {} from the bounding set", capability_name(cap));
  }
  return {};
}

Result<> set_ambient(CapabilityMask ambient) {
  if (::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0)
    return Error::from_errno(errno, "clear ambient capabilities");
  for (int cap = 0; cap < 64; ++cap)
    if (((ambient >> cap) & 1) && ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0) != 0)
      return error_from(errno, "raise ambient {}", capability_name(cap));
  return {};
}

Result<> switch_user_keeping_capabilities(uid_t uid, gid_t gid, const gid_t* groups, std::size_t count) {
  const CapabilitySets before = TRY(current_capabilities());
  if (::prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0) return Error::from_errno(errno, "keep capabilities");
  // The raw calls: glibc's would signal every thread of a process that this one is a copy of.
  if (::syscall(SYS_setgroups, count, groups) != 0) return Error::from_errno(errno, "setgroups");
  if (::syscall(SYS_setresgid, gid, gid, gid) != 0) return error_from(errno, "setgid {}", gid);
  if (::syscall(SYS_setresuid, uid, uid, uid) != 0) return error_from(errno, "setuid {}", uid);
  if (::prctl(PR_SET_KEEPCAPS, 0, 0, 0, 0) != 0) return Error::from_errno(errno, "keep capabilities");
  return set_capabilities(before.permitted, before.permitted, before.inheritable);
}

Result<> set_no_new_privileges() {
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return Error::from_errno(errno, "set no_new_privs");
  return {};
}

}  // namespace strata::sys
