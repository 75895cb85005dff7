#include "cli/mount_flag.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "base/strings.h"
#include "containers/names.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

using containers::Mount;

constexpr auto kPropagations =
    std::to_array<std::string_view>({"private", "rprivate", "shared", "rshared", "slave", "rslave"});

Result<std::string> absolute_source(std::string_view path) {
  if (path.starts_with('/')) return std::string(path);
  std::error_code failed;
  const std::filesystem::path here = std::filesystem::current_path(failed);
  if (failed) return error(ErrorKind::kIo, "working directory: {}", failed.message());
  return (here / path).lexically_normal().string();
}

Error invalid(std::string_view text, std::string_view why) {
  return error(ErrorKind::kInvalidArgument, "invalid volume specification: '{}': {}", printable(text), why);
}

Result<> apply_mode(Mount& mount, std::string_view text, std::string_view mode) {
  mount.mode = mode;
  for (const std::string_view word : split(mode, ',')) {
    if (word == "ro") {
      mount.read_only = true;
    } else if (word == "nocopy") {
      mount.no_copy = true;
    } else if (std::ranges::find(kPropagations, word) != kPropagations.end()) {
      if (mount.type != Mount::Type::kBind) return invalid(text, "propagation is for binds only");
      mount.propagation = word;
    } else if (word != "rw" && word != "z" && word != "Z" && word != "consistent" && word != "cached" &&
               word != "delegated") {
      return error(ErrorKind::kInvalidArgument, "invalid mode: {}", printable(mode));
    }
  }
  return {};
}

bool is_true(std::string_view value) { return value.empty() || value == "true" || value == "1"; }

}  // namespace

Result<Mount> parse_volume(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  if (parts.empty() || parts.size() > 3 || std::ranges::any_of(parts, [](auto part) { return part.empty(); }))
    return invalid(text, "expected [SOURCE:]TARGET[:OPTIONS]");
  Mount mount;
  mount.type = Mount::Type::kVolume;
  if (parts.size() == 1) {
    mount.target = parts[0];
    return mount;
  }
  if (parts[0].starts_with('/') || parts[0].starts_with("./") || parts[0].starts_with("../") || parts[0] == "." ||
      parts[0] == "..") {
    mount.type = Mount::Type::kBind;
    mount.source = TRY(absolute_source(parts[0]));
  } else {
    TRY(containers::check_volume_name(parts[0]));
    mount.name = parts[0];
  }
  mount.target = parts[1];
  if (!mount.target.starts_with('/'))
    return error(ErrorKind::kInvalidArgument,
                 "invalid volume specification: '{}': invalid mount path: '{}' mount path "
                 "must be absolute",
                 printable(text), printable(mount.target));
  if (parts.size() == 3) TRY(apply_mode(mount, text, parts[2]));
  return mount;
}

Result<Mount> parse_mount(std::string_view text) {
  Mount mount;
  mount.type = Mount::Type::kVolume;
  mount.must_exist = true;
  std::string source;
  const auto wrong = [&](std::string_view why) {
    return error(ErrorKind::kInvalidArgument, "invalid argument \"{}\" for \"--mount\" flag: {}", printable(text), why);
  };
  std::vector<std::string> tmpfs;
  for (const std::string_view field : split(text, ',')) {
    const std::size_t equals = field.find('=');
    const std::string key = to_lower(field.substr(0, equals));
    const std::string_view value = equals == std::string_view::npos ? std::string_view() : field.substr(equals + 1);
    if (key == "type") {
      if (value == "bind")
        mount.type = Mount::Type::kBind;
      else if (value == "tmpfs")
        mount.type = Mount::Type::kTmpfs;
      else if (value != "volume")
        return wrong(fmt::format("mount type \"{}\" is not supported", printable(value)));
    } else if (key == "source" || key == "src") {
      source = value;
    } else if (key == "target" || key == "dst" || key == "destination") {
      mount.target = value;
    } else if (key == "readonly" || key == "ro") {
      mount.read_only = is_true(value);
    } else if (key == "bind-propagation") {
      if (std::ranges::find(kPropagations, value) == kPropagations.end())
        return wrong(fmt::format("invalid propagation \"{}\"", printable(value)));
      mount.propagation = value;
    } else if (key == "volume-nocopy") {
      mount.no_copy = is_true(value);
    } else if (key == "tmpfs-size") {
      const auto size = parse_size(value);
      if (!size) return wrong(fmt::format("invalid value for tmpfs-size: {}", printable(value)));
      tmpfs.push_back(fmt::format("size={}", *size));
    } else if (key == "tmpfs-mode") {
      if (!parse_unsigned(value, 8)) return wrong(fmt::format("invalid value for tmpfs-mode: {}", printable(value)));
      tmpfs.push_back(fmt::format("mode={}", value));
    } else if (key != "bind-create-src") {
      return wrong(fmt::format("unexpected key '{}' in '{}'", printable(key), printable(field)));
    } else {
      mount.must_exist = !is_true(value);
    }
  }
  if (mount.target.empty()) return wrong("target is required");
  if (mount.type == Mount::Type::kBind) {
    if (source.empty()) return wrong("source is required");
    mount.source = TRY(absolute_source(source));
  } else if (mount.type == Mount::Type::kVolume) {
    if (!source.empty()) TRY(containers::check_volume_name(source));
    mount.name = source;
    mount.must_exist = false;
  } else {
    if (!source.empty()) return wrong("source must not be specified for a tmpfs");
    mount.must_exist = false;
    mount.tmpfs_options = join(tmpfs, ",");
  }
  return mount;
}

Result<Mount> parse_tmpfs(std::string_view text) {
  const std::size_t colon = text.find(':');
  Mount mount;
  mount.type = Mount::Type::kTmpfs;
  mount.target = text.substr(0, colon);
  if (colon != std::string_view::npos) mount.tmpfs_options = text.substr(colon + 1);
  if (!mount.target.starts_with('/'))
    return error(ErrorKind::kInvalidArgument, "invalid argument \"{}\" for \"--tmpfs\" flag: path must be absolute",
                 printable(text));
  return mount;
}

}  // namespace strata::cli
