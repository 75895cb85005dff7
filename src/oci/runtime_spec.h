// The OCI runtime specification (1.2, config.md and config-linux.md) as plain values: what a
// container's processes see and may do. Names are the specification's; an empty string, list or
// optional means "not set". What Strata does not act on yet is not kept.
//
// parse_runtime_spec() takes config.json from anyone; to_json() writes what it reads, byte for byte
// the same each time. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace strata::oci {

struct Rlimit {
  std::string type;  // "RLIMIT_NOFILE"
  std::uint64_t soft = 0, hard = 0;
  // Ours, not in the JSON: a default nobody asked for. Where the host does not allow it, what is
  // there is kept without an error.
  bool best_effort = false;
  bool operator==(const Rlimit&) const = default;
};

// Five sets of names like "CAP_NET_ADMIN".
struct Capabilities {
  std::vector<std::string> bounding, effective, inheritable, permitted, ambient;
  bool operator==(const Capabilities&) const = default;
};

struct User {
  std::uint32_t uid = 0, gid = 0;
  std::optional<std::uint32_t> umask;  // unset: 022
  std::vector<std::uint32_t> additional_gids;
  bool operator==(const User&) const = default;
};

struct ConsoleSize {
  std::uint16_t height = 0, width = 0;
  bool operator==(const ConsoleSize&) const = default;
};

struct Process {
  bool terminal = false;
  std::optional<ConsoleSize> console_size;
  User user;
  std::vector<std::string> args;
  std::vector<std::string> env;  // "K=V"
  std::string cwd = "/";
  Capabilities capabilities;
  std::vector<Rlimit> rlimits;
  bool no_new_privileges = false;
  std::optional<int> oom_score_adj;
  bool operator==(const Process&) const = default;
};

struct Root {
  std::string path;
  bool readonly = false;
  bool operator==(const Root&) const = default;
};

struct Mount {
  std::string destination;  // absolute, resolved inside the root
  std::string type;         // "bind", "proc", "tmpfs", …; with the option bind or rbind it does not matter
  std::string source;
  std::vector<std::string> options;
  bool operator==(const Mount&) const = default;
};

enum class NamespaceType { kPid, kNetwork, kMount, kIpc, kUts, kUser, kCgroup, kTime };

struct Namespace {
  NamespaceType type{};
  std::string path;  // empty: a new one
  bool operator==(const Namespace&) const = default;
};

struct IdMapping {
  std::uint32_t container_id = 0, host_id = 0, size = 0;
  bool operator==(const IdMapping&) const = default;
};

struct Device {
  std::string path;
  char type = 'c';  // c, b, u (= c), p
  std::int64_t major = 0, minor = 0;
  std::optional<std::uint32_t> file_mode;  // unset: 0666
  std::uint32_t uid = 0, gid = 0;
  bool operator==(const Device&) const = default;
};

struct DeviceRule {
  bool allow = false;
  char type = 'a';                           // a, c, b
  std::optional<std::int64_t> major, minor;  // unset: all
  std::string access = "rwm";
  bool operator==(const DeviceRule&) const = default;
};

struct MemoryLimits {  // bytes; -1: unlimited
  std::optional<std::int64_t> limit, reservation, swap /*memory and swap together*/;
  std::optional<std::uint64_t> swappiness;
  std::optional<bool> disable_oom_killer;
  bool operator==(const MemoryLimits&) const = default;
};

struct CpuLimits {  // times in microseconds
  std::optional<std::uint64_t> shares, period, burst;
  std::optional<std::int64_t> quota, idle;
  std::optional<std::uint64_t> realtime_period;
  std::optional<std::int64_t> realtime_runtime;
  std::string cpus, mems;
  bool operator==(const CpuLimits&) const = default;
};

struct ThrottledDevice {
  std::int64_t major = 0, minor = 0;
  std::uint64_t rate = 0;
  bool operator==(const ThrottledDevice&) const = default;
};

struct BlockIoLimits {
  std::optional<std::uint16_t> weight;
  std::vector<ThrottledDevice> read_bps, write_bps, read_iops, write_iops;
  bool operator==(const BlockIoLimits&) const = default;
};

struct Resources {
  std::vector<DeviceRule> devices;  // empty: devices are not restricted
  MemoryLimits memory;
  CpuLimits cpu;
  std::optional<std::int64_t> pids_limit;  // 0 or less: unlimited
  BlockIoLimits block_io;
  std::map<std::string, std::string> unified;  // cgroup v2 file name to content
  bool operator==(const Resources&) const = default;
};

struct SeccompArg {
  std::uint32_t index = 0;
  std::uint64_t value = 0, value_two = 0;
  std::string op;  // "SCMP_CMP_MASKED_EQ"
  bool operator==(const SeccompArg&) const = default;
};

struct SeccompSyscalls {
  std::vector<std::string> names;
  std::string action;  // "SCMP_ACT_ALLOW"
  std::optional<std::uint32_t> errno_ret;
  std::vector<SeccompArg> args;  // all must match
  bool operator==(const SeccompSyscalls&) const = default;
};

struct Seccomp {
  std::string default_action;
  std::optional<std::uint32_t> default_errno_ret;
  std::vector<std::string> architectures;  // "SCMP_ARCH_X86_64"; empty: the native one
  std::vector<std::string> flags;
  std::vector<SeccompSyscalls> syscalls;
  bool operator==(const Seccomp&) const = default;
};

// "linux" (which some compilers define as a macro).
struct LinuxPart {
  std::vector<Namespace> namespaces;  // a type that is not listed is the caller's
  std::vector<IdMapping> uid_mappings, gid_mappings;
  std::vector<Device> devices;  // beyond the default ones
  std::string cgroups_path;     // "/strata/<id>", from the root of every hierarchy
  Resources resources;
  std::map<std::string, std::string> sysctl;
  std::optional<Seccomp> seccomp;
  std::string rootfs_propagation;  // "private" (the default), "rprivate", "slave", "rslave", "shared", …
  std::vector<std::string> masked_paths, readonly_paths;
  bool operator==(const LinuxPart&) const = default;
};

struct RuntimeSpec {
  std::string version = "1.2.0";  // "ociVersion"
  Process process;
  Root root;
  std::string hostname, domainname;
  std::vector<Mount> mounts;  // in this order
  LinuxPart linux_part;
  std::map<std::string, std::string> annotations;
  bool operator==(const RuntimeSpec&) const = default;
};

// Errors: kCorrupt, naming the member. Unknown members are ignored, as the specification asks.
Result<RuntimeSpec> parse_runtime_spec(std::string_view config_json);
std::string to_json(const RuntimeSpec& spec);

// One process alone, as `runc exec --process` takes it.
Result<Process> parse_process(std::string_view process_json);
std::string to_json(const Process& process);

}  // namespace strata::oci
