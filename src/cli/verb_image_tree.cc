// image tree: the layers, what each instruction added, and which other images have them.
#include "base/json.h"
#include "base/strings.h"
#include "cli/options.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "images/layer_tree_summary.h"
#include <fmt/core.h>

namespace strata::cli {
namespace {

using images::LayerSummary;

constexpr std::size_t kInstructionWidth = 70;

std::string counted(std::uint64_t count, std::string_view one, std::string_view many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

// "12 files (3.4MB), 2 directories, 1 link, 3 names removed"
std::string contents(const LayerSummary& layer) {
  std::vector<std::string> parts{counted(layer.files, "file", "files") + " (" + human_size(layer.bytes, 3) + ")"};
  if (layer.directories > 0) parts.push_back(counted(layer.directories, "directory", "directories"));
  if (layer.links > 0) parts.push_back(counted(layer.links, "link", "links"));
  if (layer.others > 0) parts.push_back(counted(layer.others, "device or pipe", "devices and pipes"));
  if (layer.removed > 0) parts.push_back(counted(layer.removed, "name removed", "names removed"));
  return join(parts, ", ");
}

void print_tree(const images::Image& image, std::string_view name, const std::vector<LayerSummary>& layers,
                bool whole) {
  fmt::print("{}  {}  {} in {}\n", printable(name), whole ? image.id.to_string() : image.id.short_hex(),
             human_size(image.size, 3), counted(layers.size(), "layer", "layers"));
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const LayerSummary& layer = layers[i];
    const bool last = i + 1 == layers.size();
    std::string instruction = printable(layer.instruction.empty() ? "(the config does not tell)" : layer.instruction);
    if (!whole) instruction = ellipsis(instruction, kInstructionWidth);
    fmt::print("{} {}  {:>7}  {}\n", last ? "└─" : "├─", whole ? layer.diff_id.to_string() : layer.diff_id.short_hex(),
               human_size(layer.tar_size, 3), instruction);
    fmt::print("{}  {}\n", last ? "  " : "│ ", contents(layer));
    if (!layer.shared_with.empty())
      fmt::print("{}  shared with {}\n", last ? "  " : "│ ", printable(join(layer.shared_with, ", ")));
  }
}

ordered_json tree_json(const images::Image& image, const std::vector<LayerSummary>& layers) {
  ordered_json object{{"Id", image.id.to_string()}, {"Size", image.size}};
  ordered_json& list = object["Layers"] = ordered_json::array();
  for (const LayerSummary& layer : layers)
    list.push_back({{"DiffId", layer.diff_id.to_string()},
                    {"ChainId", layer.chain_id.to_string()},
                    {"Instruction", layer.instruction},
                    {"Size", layer.tar_size},
                    {"Files", layer.files},
                    {"FileBytes", layer.bytes},
                    {"Directories", layer.directories},
                    {"Links", layer.links},
                    {"Others", layer.others},
                    {"Removed", layer.removed},
                    {"SharedWith", layer.shared_with}});
  return object;
}

}  // namespace

Result<int> run_image_tree(Context& context, const Verb& verb, Arguments arguments) {
  bool whole = false, as_json = false;
  std::vector<std::string> names;
  Options options(verb);
  options.flag("--no-trunc", whole, "Don't truncate output");
  options.flag("--json", as_json, "Print in JSON format");
  options.arguments(names, 1, 1);
  if (!TRY(options.parse(arguments))) return 0;
  engine::Engine& engine = *TRY(context.engine());
  const images::Image image = TRY(engine.images().find(names[0]));
  const auto layers = TRY(images::summarize_layers(engine.images(), image));
  if (as_json)
    fmt::print("{}\n", tree_json(image, layers).dump(2, ' ', false, ordered_json::error_handler_t::replace));
  else
    print_tree(image, names[0], layers, whole);
  return 0;
}

}  // namespace strata::cli
