// /etc/strata/config.toml.
//
//   [storage]
//   root = "/var/lib/strata"
//   run_root = "/run/strata"
//   [limits]
//   max_layer_size = "64g"            # one layer, uncompressed
//   [registry."docker.io"]
//   mirrors = ["http://127.0.0.1:5000"]   # asked before the registry itself, for pulls only
//   insecure = false                  # plain HTTP or an unknown certificate
#include "base/strings.h"
#include "engine/settings.h"
#include "sys/file.h"
#include <fmt/core.h>
#include <toml++/toml.h>

namespace strata::engine {
namespace {

// One key of the file and its value, with errors that say where it stands.
struct Entry {
  const std::string& file;
  std::string key;  // "limits.max_layer_size"
  const toml::node& node;

  Error wrong(std::string_view wanted) const {
    return error(ErrorKind::kInvalidArgument, "{}:{}: {} should be {}", file, node.source().begin.line, key, wanted);
  }
  Error unknown() const {
    return error(ErrorKind::kInvalidArgument, "{}:{}: unknown key {}", file, node.source().begin.line, key);
  }
  Result<std::string> text() const {
    if (const auto value = node.value_exact<std::string>()) return *value;
    return wrong("a string");
  }
  Result<bool> boolean() const {
    if (const auto value = node.value_exact<bool>()) return *value;
    return wrong("true or false");
  }
  Result<std::uint64_t> size() const {
    if (const auto number = node.value_exact<std::int64_t>(); number && *number >= 0)
      return static_cast<std::uint64_t>(*number);
    if (const auto value = node.value_exact<std::string>())
      if (const auto bytes = parse_size(*value)) return *bytes;
    return wrong("a size like \"20g\"");
  }
  Result<std::vector<std::string>> texts() const {
    std::vector<std::string> result;
    if (!node.is_array()) return wrong("a list of strings");
    for (const toml::node& element : *node.as_array()) {
      const auto value = element.value_exact<std::string>();
      if (!value) return wrong("a list of strings");
      result.push_back(*value);
    }
    return result;
  }
  template <class Visit>
  Result<> members(Visit visit) const {
    if (!node.is_table()) return wrong("a table");
    for (const auto& [name, value] : *node.as_table())
      TRY(visit(name.str(),
                Entry{file, key.empty() ? std::string(name.str()) : fmt::format("{}.{}", key, name.str()), value}));
    return {};
  }
};

Result<> read_storage(std::string_view name, const Entry& entry, Settings& settings) {
  if (name == "root")
    settings.paths.root = TRY(entry.text());
  else if (name == "run_root")
    settings.paths.run_root = TRY(entry.text());
  else if (name == "force_directory_form")
    settings.force_directory_form = TRY(entry.boolean());
  else
    return entry.unknown();
  return {};
}

Result<> read_limit(std::string_view name, const Entry& entry, Settings& settings) {
  if (name == "max_layer_size")
    settings.max_layer_size = TRY(entry.size());
  else
    return entry.unknown();
  return {};
}

Result<> read_registry(std::string_view host, const Entry& entry, Settings& settings) {
  return entry.members([&](std::string_view name, const Entry& value) -> Result<> {
    if (name == "mirrors") {
      settings.registry.mirrors[std::string(host)] = TRY(value.texts());
    } else if (name == "insecure") {
      if (TRY(value.boolean())) settings.registry.insecure.emplace(host);
    } else {
      return value.unknown();
    }
    return {};
  });
}

Result<> read_section(std::string_view name, const Entry& entry, Settings& settings) {
  if (name == "storage") return entry.members([&](auto key, const Entry& e) { return read_storage(key, e, settings); });
  if (name == "limits") return entry.members([&](auto key, const Entry& e) { return read_limit(key, e, settings); });
  if (name == "registry")
    return entry.members([&](auto key, const Entry& e) { return read_registry(key, e, settings); });
  return entry.unknown();
}

}  // namespace

Result<> read_config_file(Settings& settings) {
  const std::string& path = settings.config_file;
  const Result<std::string> text = sys::read_file(path, 1 << 20);
  if (!text) {
    if (text.error().error_number() == ENOENT && !settings.config_file_required) return {};
    return text.error().with_context("configuration");
  }
  try {
    const toml::table root = toml::parse(*text, path);
    return Entry{path, "", root}.members(
        [&](auto name, const Entry& entry) { return read_section(name, entry, settings); });
  } catch (const toml::parse_error& failure) {
    return error(ErrorKind::kInvalidArgument, "{}:{}:{}: {}", path, failure.source().begin.line,
                 failure.source().begin.column, failure.description());
  }
}

}  // namespace strata::engine
