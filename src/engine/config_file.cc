// /etc/strata/config.toml.
#include <toml++/toml.h>

#include <fmt/core.h>

#include <functional>
#include <map>

#include "base/strings.h"
#include "engine/settings.h"
#include "sys/file.h"

namespace strata::engine {
namespace {

using Reader = std::function<Result<>(const toml::node&, Settings&)>;

Result<std::string> text_of(const toml::node& node) {
  if (const auto value = node.value_exact<std::string>()) return *value;
  return error(ErrorKind::kInvalidArgument, "should be a string");
}

Result<std::uint64_t> size_of(const toml::node& node) {
  if (const auto number = node.value_exact<std::int64_t>(); number && *number >= 0) return static_cast<std::uint64_t>(*number);
  const auto size = node.is_string() ? parse_size(*node.value_exact<std::string>()) : std::nullopt;
  if (!size) return error(ErrorKind::kInvalidArgument, "should be a size like \"20g\"");
  return *size;
}

const std::map<std::string, Reader, std::less<>>& readers() {
  static const std::map<std::string, Reader, std::less<>> table = {
      {"root", [](const toml::node& node, Settings& s) -> Result<> { s.paths.root = TRY(text_of(node)); return {}; }},
  };
  return table;
}

}  // namespace

}  // namespace strata::engine
