#include "layers/direct_reads.h"

#include <algorithm>
#include <vector>

#include "base/strings.h"
#include "layers/merged_records.h"
#include "layers/mounts.h"
#include "layers/probe.h"
#include "layers/records.h"
#include "sys/direct_io.h"
#include "sys/file.h"

namespace strata::layers {
namespace {

constexpr std::uint32_t kBlock = 512;

// Names of the files in root/layers; none when there is no such index.
Result<std::vector<std::string>> files_behind(store::Database& db, const std::string& key) {
  std::vector<std::string> files;
  if (const auto index = TRY(records::find_index(db, key)))
    return std::vector<std::string>{key + ".erofs", index->diff_id.hex() + ".tar"};
  const auto merged = TRY(records::find_merged(db, key, false));
  if (!merged) return files;
  const auto layers = parse_unsigned(std::string_view(key).substr(key.find('-') + 1));
  std::vector<records::Layer> group;  // top first
  for (std::optional<oci::Digest> at = merged->top; at && group.size() < layers.value_or(0);) {
    const auto layer = TRY(records::find_layer(db, *at));
    if (!layer) return files;
    group.push_back(*layer);
    at = layer->parent;
  }
  files.push_back(key + ".erofs");
  for (const records::Layer& layer : group) files.push_back(layer.diff_id.hex() + ".tar");
  for (const std::uint32_t number : merged->indexes) {
    if (number >= group.size()) return std::vector<std::string>();
    files.push_back(group[group.size() - 1 - number].tree_key + ".erofs");
  }
  return files;
}

}  // namespace

bool uses_direct_reads_safely(std::string_view kernel_release) {
  const auto number = [&] {
    const std::size_t end = std::min(kernel_release.find_first_not_of("0123456789"), kernel_release.size());
    const std::uint64_t value = parse_unsigned(kernel_release.substr(0, end)).value_or(0);
    kernel_release.remove_prefix(std::min(end + 1, kernel_release.size()));
    return value;
  };
  const std::uint64_t major = number(), minor = number(), patch = number();
  if (major != 6) return major > 6;
  // From the CVE's record; other branches ended before the correction.
  return (minor == 12 && patch >= 72) || (minor == 18 && patch >= 11) || (minor == 19 && patch >= 1) || minor > 19;
}

Result<bool> has_direct_blocks(const std::string& path) {
  const std::uint32_t alignment = TRY(sys::direct_io_alignment(path));
  return alignment != 0 && kBlock % alignment == 0 && TRY(sys::stat_path(path)).st_size % kBlock == 0;
}

Result<bool> may_read_directly(const store::Paths& paths, store::Database& db, const std::string& key) {
  const std::vector<std::string> files = TRY(files_behind(db, key));
  for (const std::string& file : files)
    if (!TRY(records::is_settled(db, file)) || !TRY(has_direct_blocks(paths.root + "/layers/" + file))) return false;
  return !files.empty();
}

Result<> read_settled_directly(const store::Paths& paths, store::Database& db) {
  const auto ability = TRY(known_ability(paths));
  if (!ability || !ability->direct_reads) return {};
  return MountCache(paths.run_root).read_directly([&](const std::string& key) -> Result<bool> {
    const Result<bool> may = may_read_directly(paths, db, key);
    return may && *may;  // of what is just being removed a file may be gone
  });
}

}  // namespace strata::layers
