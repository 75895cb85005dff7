#include "images/layer_story.h"

#include <string_view>

#include "base/strings.h"

namespace strata::images {
namespace {

std::string instruction(std::string_view created_by) {
  constexpr std::string_view kShell = "/bin/sh -c ";
  constexpr std::string_view kNop = "#(nop)";
  // "|2 A=1 B=2 /bin/sh -c …": the build arguments stand in front.
  if (created_by.starts_with('|'))
    if (const auto shell = created_by.find(kShell); shell != std::string_view::npos) created_by.remove_prefix(shell);
  if (!created_by.starts_with(kShell)) return std::string(created_by);
  created_by.remove_prefix(kShell.size());
  if (!created_by.starts_with(kNop)) return "RUN " + std::string(created_by);
  return std::string(trim(created_by.substr(kNop.size())));
}

}  // namespace

std::vector<std::string> instructions_of(const Image& image) {
  std::vector<std::string> instructions;
  for (const oci::History& entry : image.config.history)
    if (!entry.empty_layer) instructions.push_back(instruction(entry.created_by));
  instructions.resize(image.chain_ids.size());
  return instructions;
}

}  // namespace strata::images
