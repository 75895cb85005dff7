#include "containers/config_merge.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "sys/temp_dir.h"

namespace strata::containers {
namespace {

std::string_view variable_name(std::string_view assignment) { return assignment.substr(0, assignment.find('=')); }

// The image's variables that nobody asked to be different; then what was asked for, in order, the last
// one of a name. "NAME" without "=" takes the image's away.
std::vector<std::string> merge_env(const std::vector<std::string>& asked, const std::vector<std::string>& image) {
  std::vector<std::string> out = image;
  for (const std::string& variable : asked) {
    const std::string_view name = variable_name(variable);
    const auto same = std::ranges::find_if(out, [&](const std::string& v) { return variable_name(v) == name; });
    if (variable.find('=') == std::string::npos) {
      if (same != out.end()) out.erase(same);
    } else if (same != out.end()) {
      *same = variable;
    } else {
      out.push_back(variable);
    }
  }
  return out;
}

Result<std::string> clean_target(std::string_view path) {
  if (!path.starts_with('/'))
    return error(ErrorKind::kInvalidArgument, "invalid mount path: '{}' mount path must be absolute", printable(path));
  std::vector<std::string> parts;
  for (const std::string_view part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else {
      parts.emplace_back(part);
    }
  }
  if (parts.empty())
    return error(ErrorKind::kInvalidArgument, "invalid mount config: invalid specification: destination can't be '/'");
  return "/" + join(parts, "/");
}

Result<> merge_mounts(Config& config, const std::set<std::string>& image_volumes) {
  for (Mount& mount : config.mounts) mount.target = TRY(clean_target(mount.target));
  for (std::size_t i = 0; i < config.mounts.size(); ++i)
    for (std::size_t j = 0; j < i; ++j)
      if (config.mounts[i].target == config.mounts[j].target)
        return error(ErrorKind::kInvalidArgument, "Duplicate mount point: {}", config.mounts[i].target);
  for (const std::string& volume : image_volumes) {
    const std::string target = TRY(clean_target(volume), "VOLUME of the image");
    if (std::ranges::any_of(config.mounts, [&](const Mount& mount) { return mount.target == target; })) continue;
    Mount mount;
    mount.type = Mount::Type::kVolume;
    mount.anonymous = true;
    mount.target = target;
    config.mounts.push_back(std::move(mount));
  }
  for (Mount& mount : config.mounts)
    if (mount.type == Mount::Type::kVolume && mount.name.empty()) {
      mount.anonymous = true;
      mount.name = sys::random_hex(32);
    }
  return {};
}

// In the order of their numbers, capability.h.
constexpr auto kCapabilities = std::to_array<std::string_view>({
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
});

constexpr auto kDefaultCapabilities = std::to_array<std::string_view>({
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FSETID",
    "CAP_FOWNER",
    "CAP_MKNOD",
    "CAP_NET_RAW",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETFCAP",
    "CAP_SETPCAP",
    "CAP_NET_BIND_SERVICE",
    "CAP_SYS_CHROOT",
    "CAP_KILL",
    "CAP_AUDIT_WRITE",
});

std::string upper_case(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return out;
}

struct CapabilityChange {
  bool all = false;
  std::set<std::string> names;
};

Result<CapabilityChange> parse_capabilities(const std::vector<std::string>& names) {
  CapabilityChange out;
  for (const std::string& text : names) {
    std::string name = upper_case(text);
    if (name == "ALL" || name == "CAP_ALL") {
      out.all = true;
      continue;
    }
    if (!name.starts_with("CAP_")) name.insert(0, "CAP_");
    if (std::ranges::find(kCapabilities, name) == kCapabilities.end())
      return error(ErrorKind::kInvalidArgument, "invalid capability: \"{}\"", printable(text));
    out.names.insert(std::move(name));
  }
  return out;
}

}  // namespace

Result<Config> merge_config(Config config, const oci::ContainerConfig& image) {
  if (config.user.empty()) config.user = image.user;
  if (config.working_dir.empty()) config.working_dir = image.working_dir;
  if (!config.working_dir.empty() && !config.working_dir.starts_with('/'))
    return error(ErrorKind::kInvalidArgument, "the working directory '{}' is invalid, it needs to be an absolute path",
                 printable(config.working_dir));
  config.env = merge_env(config.env, image.env);
  for (const std::string& variable : config.env)
    if (variable_name(variable).empty() || variable.find('\0') != std::string::npos)
      return error(ErrorKind::kInvalidArgument, "invalid environment variable: {}", printable(variable));
  config.labels.insert(image.labels.begin(), image.labels.end());
  config.exposed_ports.insert(image.exposed_ports.begin(), image.exposed_ports.end());
  for (const PublishedPort& port : config.ports)
    config.exposed_ports.insert(fmt::format("{}/{}", port.container_port, port.protocol));
  if (config.stop_signal.empty()) config.stop_signal = image.stop_signal;
  if (!config.stop_timeout && image.stop_timeout >= 0) config.stop_timeout = image.stop_timeout;
  if (!config.entrypoint) {
    if (config.cmd.empty()) config.cmd = image.cmd;
    config.entrypoint = image.entrypoint;
  }
  if (config.entrypoint->size() == 1 && config.entrypoint->front().empty()) config.entrypoint->clear();
  if (config.entrypoint->empty() && config.cmd.empty())
    return error(ErrorKind::kInvalidArgument, "no command specified");
  TRY(merge_mounts(config, image.volumes));
  TRY(effective_capabilities(config));
  return config;
}

Result<std::vector<std::string>> effective_capabilities(const Config& config) {
  const CapabilityChange add = TRY(parse_capabilities(config.cap_add));
  const CapabilityChange drop = TRY(parse_capabilities(config.cap_drop));
  std::vector<std::string> out;
  for (const std::string_view known : kCapabilities) {
    const std::string name(known);
    const bool standard = std::ranges::find(kDefaultCapabilities, known) != kDefaultCapabilities.end();
    const bool has =
        config.privileged || (add.all    ? !drop.names.contains(name)
                              : drop.all ? add.names.contains(name)
                                         : add.names.contains(name) || (standard && !drop.names.contains(name)));
    if (has) out.push_back(name);
  }
  return out;
}

}  // namespace strata::containers
