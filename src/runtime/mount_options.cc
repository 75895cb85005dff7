#include "runtime/mount_options.h"

#include <sys/mount.h>

#include <optional>
#include <string_view>

// config.md "Mounts", "Linux mount options"; mount(8).

namespace strata::runtime {
namespace {

struct Attribute {
  std::string_view name;
  std::uint64_t set, clear;
};
constexpr Attribute kAttributes[] = {
    {"ro", MOUNT_ATTR_RDONLY, 0},
    {"rw", 0, MOUNT_ATTR_RDONLY},
    {"nosuid", MOUNT_ATTR_NOSUID, 0},
    {"suid", 0, MOUNT_ATTR_NOSUID},
    {"nodev", MOUNT_ATTR_NODEV, 0},
    {"dev", 0, MOUNT_ATTR_NODEV},
    {"noexec", MOUNT_ATTR_NOEXEC, 0},
    {"exec", 0, MOUNT_ATTR_NOEXEC},
    {"nosymfollow", MOUNT_ATTR_NOSYMFOLLOW, 0},
    {"symfollow", 0, MOUNT_ATTR_NOSYMFOLLOW},
    {"nodiratime", MOUNT_ATTR_NODIRATIME, 0},
    {"diratime", 0, MOUNT_ATTR_NODIRATIME},
    // One of three, which replaces the others.
    {"relatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"norelatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"noatime", MOUNT_ATTR_NOATIME, MOUNT_ATTR__ATIME},
    {"atime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
    {"strictatime", MOUNT_ATTR_STRICTATIME, MOUNT_ATTR__ATIME},
    {"nostrictatime", MOUNT_ATTR_RELATIME, MOUNT_ATTR__ATIME},
};

const Attribute* find_attribute(std::string_view name) {
  for (const Attribute& attribute : kAttributes)
    if (attribute.name == name) return &attribute;
  return nullptr;
}

std::optional<Propagation> propagation_named(std::string_view name) {
  Propagation result;
  if (name.starts_with('r')) {
    result.recursive = true;
    name.remove_prefix(1);
  }
  if (name == "private")
    result.flag = MS_PRIVATE;
  else if (name == "slave")
    result.flag = MS_SLAVE;
  else if (name == "shared")
    result.flag = MS_SHARED;
  else if (name == "unbindable")
    result.flag = MS_UNBINDABLE;
  else
    return std::nullopt;
  return result;
}

void apply(std::uint64_t& set, std::uint64_t& clear, const Attribute& attribute) {
  set = (set & ~attribute.clear) | attribute.set;
  clear = (clear & ~attribute.set) | attribute.clear;
}

}  // namespace

bool MountOptions::read_only() const { return ((set | set_recursive) & MOUNT_ATTR_RDONLY) != 0; }

const std::string* MountOptions::value_of(const std::string& key) const {
  for (const auto& [name, value] : data)
    if (name == key) return &value;
  return nullptr;
}

Result<MountOptions> parse_mount_options(const oci::Mount& mount) {
  MountOptions result;
  result.bind = mount.type == "bind";
  for (const std::string& option : mount.options) {
    if (option == "bind" || option == "rbind") {
      result.bind = true;
      result.bind_recursive = option == "rbind";
    } else if (const Attribute* attribute = find_attribute(option)) {
      apply(result.set, result.clear, *attribute);
    } else if (const Attribute* recursive = option.starts_with('r') ? find_attribute(option.substr(1)) : nullptr) {
      apply(result.set_recursive, result.clear_recursive, *recursive);
    } else if (const auto propagation = propagation_named(option)) {
      result.propagation = propagation->flag;
      result.propagation_recursive = propagation->recursive;
    } else if (option == "idmap" || option == "ridmap") {
      return error(ErrorKind::kUnsupported, "mount option {} is not supported yet", option);
    } else if (option == "defaults" || option == "tmpcopyup" || option == "remount" || option.empty()) {
      // Nothing to do: a mount is made with all its options at once, and always fresh.
    } else if (const auto equals = option.find('='); equals != std::string::npos) {
      result.data.emplace_back(option.substr(0, equals), option.substr(equals + 1));
    } else {
      result.data.emplace_back(option, "");
    }
  }
  return result;
}

Result<Propagation> parse_propagation(const std::string& name) {
  if (const auto propagation = propagation_named(name)) return *propagation;
  return error(ErrorKind::kInvalidArgument, "{:?} is no mount propagation", name);
}

}  // namespace strata::runtime
