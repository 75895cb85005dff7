#include "build/config_changes.h"

#include <algorithm>
#include <array>

#include "base/strings.h"
#include "build/stage_planner.h"

namespace strata::build {
namespace {

constexpr auto kAllowed = std::to_array<std::string_view>({"CMD", "ENTRYPOINT", "ENV", "EXPOSE", "HEALTHCHECK", "LABEL",
                                                           "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR"});

}  // namespace

Result<> apply_changes(std::span<const std::string> changes, oci::ImageConfig& config) {
  if (changes.empty()) return {};
  // A stage of their own on top of the image.
  const dockerfile::SourceFile file("--change", "FROM image\n" + join(changes, "\n"));
  dockerfile::Diagnostics diagnostics;
  const dockerfile::Dockerfile parsed = TRY(dockerfile::parse(file, diagnostics));
  for (const dockerfile::Stage& stage : parsed.stages)
    if (&stage != &parsed.stages.front())
      return error(ErrorKind::kInvalidArgument, "FROM is not a valid change command");
  const PlanOptions options;
  PlanContext context{.file = file,
                      .options = options,
                      .diagnostics = diagnostics,
                      .escape = parsed.escape,
                      .global_args = {},
                      .used_args = {}};
  StagePlanner planner(context, [](const std::string&, const dockerfile::Range&) -> Result<std::size_t> {
    return error(ErrorKind::kInvalidArgument, "there are no stages here");
  });
  BaseImage base;
  base.config = config;
  base.config.config.on_build.clear();
  planner.start_from(base);
  const std::vector<std::string> added_env = [&] {  // a PATH that the image does not have is for RUN alone
    std::vector<std::string> added;
    for (const std::string& variable : planner.config().config.env)
      if (std::ranges::find(config.config.env, variable) == config.config.env.end()) added.push_back(variable);
    return added;
  }();
  for (const dockerfile::Instruction& instruction : parsed.stages.front().instructions) {
    if (std::ranges::find(kAllowed, instruction.name) == kAllowed.end())
      return error(ErrorKind::kInvalidArgument, "{} is not a valid change command", to_lower(instruction.name));
    TRY(planner.apply(instruction, false));
  }
  oci::ContainerConfig changed = planner.config().config;
  std::erase_if(changed.env, [&](const std::string& v) { return std::ranges::find(added_env, v) != added_env.end(); });
  changed.args_escaped = config.config.args_escaped;
  changed.on_build.insert(changed.on_build.begin(), config.config.on_build.begin(), config.config.on_build.end());
  config.config = std::move(changed);
  return {};
}

}  // namespace strata::build
