// image explain: what makes an image big.
#include <algorithm>

#include "base/json.h"
#include "base/strings.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "images/explain.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

using images::Explanation;

constexpr std::size_t kInstructionWidth = 60;
constexpr std::size_t kDirectoriesShown = 5;
constexpr std::size_t kLinesShown = 10;

std::string size_text(std::uint64_t bytes) { return human_size(bytes, 3); }

// Directories by what they hold, largest first.
std::vector<std::pair<std::string, Explanation::Size>> by_size(
    const std::map<std::string, Explanation::Size>& directories) {
  std::vector<std::pair<std::string, Explanation::Size>> sorted(directories.begin(), directories.end());
  std::ranges::stable_sort(sorted, std::greater(), [](const auto& entry) { return entry.second.bytes; });
  return sorted;
}

void print_layers(const Explanation& explanation, bool whole) {
  Table table({"LAYER", "SIZE", "FILES", "HIDDEN", "WHERE"});
  for (std::size_t i = 0; i < explanation.layers.size(); ++i) {
    const Explanation::Layer& layer = explanation.layers[i];
    const std::string instruction = printable(layer.instruction);
    table.add({std::to_string(i + 1), size_text(layer.tar_size), std::to_string(layer.total.files),
               size_text(layer.total.hidden_bytes), whole ? instruction : ellipsis(instruction, kInstructionWidth)});
    const auto directories = by_size(layer.directories);
    for (std::size_t k = 0; k < directories.size() && (whole || k < kDirectoriesShown); ++k) {
      const auto& [name, size] = directories[k];
      if (size.bytes == 0) break;
      table.add({"", size_text(size.bytes), std::to_string(size.files), size_text(size.hidden_bytes),
                 "  /" + printable(name)});
    }
    if (!whole && directories.size() > kDirectoriesShown)
      table.add({"", "", "", "", fmt::format("  … and {} more", directories.size() - kDirectoriesShown)});
  }
  fmt::print("{}", table.to_string());
}

void print_hidden(const Explanation& explanation, bool whole) {
  fmt::print("\nDeleted or overwritten by layers above, and stored all the same: {} in {} {}\n",
             size_text(explanation.total.hidden_bytes), explanation.total.hidden_files,
             explanation.total.hidden_files == 1 ? "file" : "files");
  if (explanation.hidden.empty()) return;
  Table table({"SIZE", "LAYER", "", "FILE"});
  for (std::size_t i = 0; i < explanation.hidden.size() && (whole || i < kLinesShown); ++i) {
    const auto& file = explanation.hidden[i];
    table.add({size_text(file.bytes), std::to_string(file.layer + 1), file.overwritten ? "overwritten" : "deleted",
               "/" + printable(file.path)});
  }
  fmt::print("{}", table.to_string());
}

void print_duplicates(const Explanation& explanation, bool whole) {
  fmt::print("\nIdentical files stored more than once: {} could be saved\n", size_text(explanation.duplicate_bytes));
  if (explanation.duplicates.empty()) return;
  Table table({"SIZE", "TIMES", "FILES"});
  for (std::size_t i = 0; i < explanation.duplicates.size() && (whole || i < kLinesShown); ++i) {
    const auto& same = explanation.duplicates[i];
    std::string paths;
    for (const std::string& path : same.paths) paths += (paths.empty() ? "/" : " /") + printable(path);
    if (same.count > same.paths.size()) paths += " …";
    table.add({size_text(same.bytes), std::to_string(same.count), whole ? paths : ellipsis(paths, 100)});
  }
  fmt::print("{}", table.to_string());
}

void print_caches(const Explanation& explanation) {
  std::uint64_t bytes = 0;
  for (const auto& cache : explanation.caches) bytes += cache.size.bytes;
  fmt::print("\nCaches of package managers: {}\n", size_text(bytes));
  if (explanation.caches.empty()) return;
  Table table({"SIZE", "HIDDEN", "OF", "LAYERS", "DIRECTORY"});
  for (const auto& cache : explanation.caches) {
    std::string layers;
    for (const std::size_t layer : cache.layers) layers += (layers.empty() ? "" : ",") + std::to_string(layer + 1);
    table.add({size_text(cache.size.bytes), size_text(cache.size.hidden_bytes), cache.of, layers,
               "/" + printable(cache.path)});
  }
  fmt::print("{}", table.to_string());
}

ordered_json json_of(const Explanation::Size& size) {
  return {{"Files", size.files},
          {"Bytes", size.bytes},
          {"HiddenFiles", size.hidden_files},
          {"HiddenBytes", size.hidden_bytes}};
}

ordered_json json_of(const Explanation& explanation) {
  ordered_json object{{"Total", json_of(explanation.total)}, {"DuplicateBytes", explanation.duplicate_bytes}};
  for (const char* list : {"Layers", "Hidden", "Duplicates", "Caches", "Limits"}) object[list] = ordered_json::array();
  for (const auto& layer : explanation.layers) {
    ordered_json directories = ordered_json::object();
    for (const auto& [name, size] : layer.directories) directories["/" + name] = json_of(size);
    object["Layers"].push_back({{"DiffId", layer.diff_id.to_string()},
                                {"Instruction", layer.instruction},
                                {"Size", layer.tar_size},
                                {"Total", json_of(layer.total)},
                                {"Directories", directories}});
  }
  for (const auto& file : explanation.hidden)
    object["Hidden"].push_back({{"Path", "/" + file.path},
                                {"Bytes", file.bytes},
                                {"Layer", file.layer + 1},
                                {"How", file.overwritten ? "overwritten" : "deleted"}});
  for (const auto& same : explanation.duplicates) {
    ordered_json paths = ordered_json::array();
    for (const std::string& path : same.paths) paths.push_back("/" + path);
    object["Duplicates"].push_back(
        {{"Bytes", same.bytes}, {"Count", same.count}, {"Wasted", same.wasted()}, {"Paths", paths}});
  }
  for (const auto& cache : explanation.caches) {
    ordered_json layers = ordered_json::array();
    for (const std::size_t layer : cache.layers) layers.push_back(layer + 1);
    object["Caches"].push_back(
        {{"Path", "/" + cache.path}, {"Of", cache.of}, {"Size", json_of(cache.size)}, {"Layers", layers}});
  }
  for (const std::string& limit : explanation.limits) object["Limits"].push_back(limit);
  return object;
}

}  // namespace

Result<int> run_image_explain(Context& context, const Verb& verb, Arguments arguments) {
  bool whole = false, as_json = false;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("--no-trunc", whole, "Don't truncate output");
  options.flag("--json", as_json, "Print in JSON format");
  options.arguments(names, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;
  engine::Engine& engine = *TRY(context.engine());
  const images::Image image = TRY(engine.images().find(names[0]));
  const Explanation explanation = TRY(images::explain(engine.images(), image));
  if (as_json) {
    fmt::print("{}\n", json_of(explanation).dump(2, ' ', false, ordered_json::error_handler_t::replace));
    return 0;
  }
  fmt::print("{} ({}): {}, of which {} are files\n\n", printable(names[0]), image.id.short_hex(), size_text(image.size),
             size_text(explanation.total.bytes));
  print_layers(explanation, whole);
  print_hidden(explanation, whole);
  print_duplicates(explanation, whole);
  print_caches(explanation);
  for (const std::string& limit : explanation.limits) fmt::print("\nNote: {}.\n", limit);
  return 0;
}

}  // namespace strata::cli
