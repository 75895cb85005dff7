#include "cli/container_filter.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "oci/reference.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

constexpr auto kKeys = std::to_array<std::string_view>({"id", "name", "label", "status", "exited", "ancestor"});
constexpr auto kStatuses =
    std::to_array<std::string_view>({"created", "running", "paused", "restarting", "removing", "exited", "dead"});

// Docker takes a regular expression; of those only the anchors are known here.
bool name_matches(std::string_view name, std::string_view pattern) {
  const bool begin = pattern.starts_with('^');
  if (begin) pattern.remove_prefix(1);
  const bool end = pattern.ends_with('$');
  if (end) pattern.remove_suffix(1);
  if (pattern.starts_with('/')) pattern.remove_prefix(1);
  if (begin && end) return name == pattern;
  if (begin) return name.starts_with(pattern);
  if (end) return name.ends_with(pattern);
  return name.find(pattern) != std::string_view::npos;
}

bool label_matches(const std::map<std::string, std::string>& labels, const std::string& wanted) {
  const std::size_t equals = wanted.find('=');
  const auto label = labels.find(wanted.substr(0, equals));
  return label != labels.end() && (equals == std::string::npos || label->second == wanted.substr(equals + 1));
}

bool ancestor_matches(const containers::Container& container, const std::string& wanted) {
  if (wanted == container.image_name) return true;
  std::string_view id = wanted;
  if (id.starts_with("sha256:")) id.remove_prefix(7);
  if (id.size() >= 12 && container.image_id.hex().starts_with(id)) return true;
  const auto ours = oci::Reference::parse(container.image_name);
  const auto theirs = oci::Reference::parse(wanted);
  return ours && theirs && ours->with_default_tag().to_string() == theirs->with_default_tag().to_string();
}

bool value_matches(const std::string& key, const std::string& value, const containers::Container& container,
                   const containers::State& state) {
  if (key == "id") return container.id.starts_with(value);
  if (key == "name") return name_matches(container.name, value);
  if (key == "label") return label_matches(container.config.labels, value);
  if (key == "status") return value == containers::to_string(state.status);
  if (key == "exited") return state.status == containers::Status::kExited && value == std::to_string(state.exit_code);
  return ancestor_matches(container, value);
}

}  // namespace

Result<ContainerFilter> ContainerFilter::parse(const std::vector<std::string>& filters) {
  ContainerFilter out;
  for (const std::string& filter : filters) {
    const std::size_t equals = filter.find('=');
    if (equals == std::string::npos)
      return error(ErrorKind::kInvalidArgument,
                   "invalid argument \"{}\" for \"-f, --filter\" flag: invalid filter "
                   "'{}'",
                   printable(filter), printable(filter));
    const std::string key = to_lower(trim(std::string_view(filter).substr(0, equals)));
    const std::string value(trim(std::string_view(filter).substr(equals + 1)));
    if (std::ranges::find(kKeys, key) == kKeys.end())
      return error(ErrorKind::kInvalidArgument, "invalid filter '{}'", printable(key));
    if (key == "status" && std::ranges::find(kStatuses, value) == kStatuses.end())
      return error(ErrorKind::kInvalidArgument, "invalid filter 'status={}'", printable(value));
    if (key == "exited" && !parse_unsigned(value))
      return error(ErrorKind::kInvalidArgument, "invalid filter 'exited={}'", printable(value));
    out.values_[key].push_back(value);
  }
  return out;
}

bool ContainerFilter::matches(const containers::Container& container, const containers::State& state) const {
  return std::ranges::all_of(values_, [&](const auto& entry) {
    const auto one = [&](const std::string& value) { return value_matches(entry.first, value, container, state); };
    // Labels narrow the list down, one by one.
    return entry.first == "label" ? std::ranges::all_of(entry.second, one) : std::ranges::any_of(entry.second, one);
  });
}

}  // namespace strata::cli
