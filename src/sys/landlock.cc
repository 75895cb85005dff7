#include "sys/landlock.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>

#include "sys/unique_fd.h"

namespace strata::sys {
namespace {

// Newer than Debian 12's headers.
struct RulesetAttributes {
  std::uint64_t handled_access_fs;
  std::uint64_t handled_access_net;  // ABI 4
  std::uint64_t scoped;              // ABI 6
};
constexpr std::uint64_t kBindTcp = 1;
constexpr std::uint64_t kScopeAbstractSocketsAndSignals = 3;

constexpr std::uint64_t kReadFile = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE;
constexpr std::uint64_t kReadTree = kReadFile | LANDLOCK_ACCESS_FS_READ_DIR;

// All file system rights that this ABI knows: what is handled and not granted is refused.
std::uint64_t all_rights(int abi) {
  int bits = 13;            // ABI 1
  if (abi >= 2) bits = 14;  // REFER
  if (abi >= 3) bits = 15;  // TRUNCATE
  if (abi >= 5) bits = 16;  // IOCTL_DEV
  return (std::uint64_t{1} << bits) - 1;
}

std::size_t attributes_size(int abi) { return abi >= 6 ? 24 : abi >= 4 ? 16 : 8; }

}  // namespace

Result<bool> landlock_read_only(std::span<const std::string> paths) {
  const int abi = static_cast<int>(::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION));
  if (abi < 1) return false;
  RulesetAttributes attributes{};
  attributes.handled_access_fs = all_rights(abi);
  if (abi >= 4) attributes.handled_access_net = kBindTcp;
  if (abi >= 6) attributes.scoped = kScopeAbstractSocketsAndSignals;
  const UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, attributes_size(abi), 0)));
  if (!ruleset) return Error::from_errno(errno, "landlock_create_ruleset");
  for (const std::string& path : paths) {
    const UniqueFd fd(::open(path.c_str(), O_PATH | O_CLOEXEC));
    struct stat status{};
    if (!fd || ::fstat(fd.get(), &status) != 0) continue;
    landlock_path_beneath_attr rule{};
    rule.allowed_access = S_ISDIR(status.st_mode) ? kReadTree : kReadFile;
    rule.parent_fd = fd.get();
    if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &rule, 0) != 0)
      return error_from(errno, "landlock_add_rule {}", path);
  }
  if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0)
    return Error::from_errno(errno, "landlock_restrict_self");
  return true;
}

}  // namespace strata::sys
