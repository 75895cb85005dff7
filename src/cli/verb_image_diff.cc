// image diff: what differs between two images, files and config.
#include "base/json.h"
#include "base/strings.h"
#include "cli/options.h"
#include "cli/verbs.h"
#include "images/image_diff.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

using images::ConfigDifference;
using images::FileDifference;

char letter(FileDifference::Kind kind) {
  return kind == FileDifference::Kind::kAdded ? 'A' : kind == FileDifference::Kind::kDeleted ? 'D' : 'C';
}

// "A /etc/x (12B)", "C /etc/y (12B to 14B; content, mode)", "D /z/"
std::string line_of(const FileDifference& one) {
  std::string text = fmt::format("{} /{}", letter(one.kind), printable(one.path));
  if (one.type == 'd' && !one.path.empty()) text += '/';
  const bool file = one.type == 'f';
  if (one.kind == FileDifference::Kind::kAdded)
    return file ? fmt::format("{} ({})", text, human_size(one.new_size, 3)) : text;
  if (one.kind == FileDifference::Kind::kDeleted)
    return file ? fmt::format("{} ({})", text, human_size(one.old_size, 3)) : text;
  const std::string what = join(one.what, ", ");
  if (!file || one.old_size == one.new_size) return fmt::format("{} ({})", text, what);
  return fmt::format("{} ({} to {}; {})", text, human_size(one.old_size, 3), human_size(one.new_size, 3), what);
}

ordered_json json_of(const FileDifference& one) {
  ordered_json object{
      {"Kind", std::string(1, letter(one.kind))}, {"Path", "/" + one.path}, {"Type", std::string(1, one.type)}};
  if (one.kind != FileDifference::Kind::kAdded) object["OldSize"] = one.old_size;
  if (one.kind != FileDifference::Kind::kDeleted) object["NewSize"] = one.new_size;
  if (!one.what.empty()) object["What"] = one.what;
  return object;
}

std::string line_of(const ConfigDifference& one) {
  const std::string field = printable(one.field);
  if (one.added) return fmt::format("A {}: {}", field, printable(one.new_value));
  if (one.removed) return fmt::format("D {}: {}", field, printable(one.old_value));
  return fmt::format("C {}: {} -> {}", field, printable(one.old_value), printable(one.new_value));
}

ordered_json json_of(const ConfigDifference& one) {
  ordered_json object{{"Kind", one.added ? "A" : one.removed ? "D" : "C"}, {"Field", one.field}};
  if (!one.added) object["Old"] = one.old_value;
  if (!one.removed) object["New"] = one.new_value;
  return object;
}

std::string dump(const ordered_json& object) {
  return object.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

}  // namespace

Result<int> run_image_diff(Context& context, const Verb& verb, Arguments arguments) {
  bool as_json = false;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("--json", as_json, "Print in JSON format");
  options.arguments(names, 2, 2);
  if (!TRY(options.parse(arguments))) return 0;
  engine::Engine& engine = *TRY(context.engine());
  const images::Image before = TRY(engine.images().find(names[0]));
  const images::Image after = TRY(engine.images().find(names[1]));
  // Written as they are found: there may be millions.
  bool first = true;
  if (as_json) fmt::print("{{\"Files\":[");
  const images::DifferenceSums sums =
      TRY(images::diff_files(engine.images(), before, after, [&](const FileDifference& one) {
        if (as_json)
          fmt::print("{}{}", std::exchange(first, false) ? "\n" : ",\n", dump(json_of(one)));
        else
          fmt::print("{}\n", line_of(one));
        return Result<>();
      }));
  const auto configs = images::diff_configs(before, after);
  if (as_json) {
    ordered_json config = ordered_json::array();
    for (const ConfigDifference& one : configs) config.push_back(json_of(one));
    fmt::print(
        "],\n\"Config\":{},\n\"Added\":{},\"Changed\":{},\"Deleted\":{},\"AddedBytes\":{},"
        "\"DeletedBytes\":{}}}\n",
        dump(config), sums.added, sums.changed, sums.deleted, sums.added_bytes, sums.deleted_bytes);
    return 0;
  }
  if (!configs.empty()) fmt::print("\nConfig:\n");
  for (const ConfigDifference& one : configs) fmt::print("{}\n", line_of(one));
  fmt::print("\n{} added ({}), {} changed, {} deleted ({})\n", sums.added, human_size(sums.added_bytes, 3),
             sums.changed, sums.deleted, human_size(sums.deleted_bytes, 3));
  return 0;
}

}  // namespace strata::cli
