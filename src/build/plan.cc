#include "build/plan.h"

#include <algorithm>
#include <memory>

#include "base/strings.h"
#include "build/dockerfile/shell_lexer.h"
#include "build/dockerfile/suggestion.h"
#include "build/stage_planner.h"

namespace strata::build {
namespace {

using namespace dockerfile;

constexpr std::string_view kScratch = "scratch";
constexpr std::size_t kMaxTriggers = 1000;

class Planner {
 public:
  Planner(const Dockerfile& dockerfile, PlanContext context, const ImageResolver& resolve)
      : dockerfile_(dockerfile), context_(std::move(context)), resolve_(resolve) {}

  Result<Plan> run() {
    TRY(read_global_args());
    TRY(name_stages());
    const std::size_t target = TRY(find_target());
    plan_.target = TRY(plan_stage(target));
    for (const auto& [key, value] : context_.options.labels)
      plan_.stages[plan_.target].config.config.labels[key] = value;
    for (const auto& [name, value] : context_.options.build_args)
      if (!context_.used_args.contains(name) && !is_predefined(name)) plan_.unused_args.push_back(name);
    return std::move(plan_);
  }

 private:
  // A stage of the Dockerfile while it is worked on.
  struct Draft {
    const Stage* stage;
    std::string base;                       // after expansion
    std::optional<std::size_t> base_draft;  // an earlier stage of that name
    std::optional<std::size_t> planned;     // its place in the plan
    bool active = false;                    // on the way down: needing it again is a circle
    std::unique_ptr<StagePlanner> planner;
  };

  static bool is_predefined(const std::string& name) {
    std::string lower = to_lower(name);
    return lower.ends_with("_proxy") || name == "SOURCE_DATE_EPOCH" || name.starts_with("BUILDKIT_");
  }

  Error fail(const Range& range, std::string_view message, ErrorKind kind = ErrorKind::kInvalidArgument) {
    return error_at(context_.file, range, context_.diagnostics, message, kind);
  }

  Result<std::string> expand_globally(const std::string& word, const Range& range) {
    auto expansion = expand(word,
                            [this](std::string_view name) -> std::optional<std::string> {
                              const auto found = context_.global_args.find(std::string(name));
                              if (found == context_.global_args.end()) return std::nullopt;
                              return found->second;
                            },
                            {.escape = dockerfile_.escape});
    if (!expansion) return fail(range, expansion.error().message(), expansion.error().kind());
    return std::move(expansion->text);
  }

  Result<> read_global_args() {
    const oci::Platform host = oci::host_platform();
    const oci::Platform& target = context_.options.platform;
    const std::string target_stage =
        context_.options.target.empty()
            ? (dockerfile_.stages.back().from.stage_name.empty() ? "default"
                                                                 : dockerfile_.stages.back().from.stage_name)
            : context_.options.target;
    const std::pair<const char*, std::string> predefined[] = {{"BUILDPLATFORM", host.to_string()},
                                                              {"BUILDOS", host.os},
                                                              {"BUILDARCH", host.architecture},
                                                              {"BUILDVARIANT", host.variant},
                                                              {"BUILDOSVERSION", ""},
                                                              {"TARGETPLATFORM", target.to_string()},
                                                              {"TARGETOS", target.os},
                                                              {"TARGETARCH", target.architecture},
                                                              {"TARGETVARIANT", target.variant},
                                                              {"TARGETOSVERSION", ""},
                                                              {"TARGETSTAGE", target_stage}};
    for (const auto& [name, value] : predefined) {
      const auto given = context_.options.build_args.find(name);
      if (given != context_.options.build_args.end()) context_.used_args.insert(name);
      context_.global_args[name] = given != context_.options.build_args.end() ? given->second : value;
    }
    for (const Instruction& instruction : dockerfile_.global_args) {
      for (const Arg::Item& item : std::get<Arg>(instruction.body).items) {
        const auto given = context_.options.build_args.find(item.name);
        if (given != context_.options.build_args.end()) {
          context_.global_args[item.name] = given->second;
          context_.used_args.insert(item.name);
        } else if (item.value) {
          context_.global_args[item.name] = TRY(expand_globally(*item.value, instruction.range));
        }
      }
    }
    return {};
  }

  Result<> name_stages() {
    for (const Stage& stage : dockerfile_.stages) {
      Draft draft{.stage = &stage};
      draft.base = TRY(expand_globally(stage.from.image, stage.range));
      if (draft.base.empty())
        return fail(stage.range, fmt::format("base name ({}) should not be blank", printable(stage.from.image)));
      if (!stage.from.platform.empty()) {
        const std::string text = TRY(expand_globally(stage.from.platform, stage.range));
        if (text.empty())
          return fail(stage.range,
                      fmt::format("empty platform value from expression {}", printable(stage.from.platform)));
        const auto platform = oci::parse_platform(text);
        if (!platform)
          return fail(stage.range,
                      fmt::format("failed to parse platform {}: {}", printable(text), platform.error().message()));
        if (!oci::matches(context_.options.platform, *platform))
          return fail(stage.range,
                      fmt::format("FROM --platform={} is not supported yet: this build is for {}", printable(text),
                                  context_.options.platform.to_string()),
                      ErrorKind::kUnsupported);
      }
      draft.base_draft = find_stage(to_lower(draft.base), drafts_.size());
      drafts_.push_back(std::move(draft));
    }
    return {};
  }

  // The last stage of that name before `end`.
  std::optional<std::size_t> find_stage(std::string_view name, std::size_t end) const {
    for (std::size_t i = end; i-- > 0;)
      if (!name.empty() && drafts_[i].stage->from.stage_name == name) return i;
    return std::nullopt;
  }

  Result<std::size_t> find_target() {
    const std::string& target = context_.options.target;
    if (target.empty()) return drafts_.size() - 1;
    if (const auto found = find_stage(to_lower(target), drafts_.size())) return *found;
    if (const auto number = parse_unsigned(target); number && *number < drafts_.size()) return *number;
    std::vector<std::string_view> names;
    for (const Draft& draft : drafts_)
      if (!draft.stage->from.stage_name.empty()) names.push_back(draft.stage->from.stage_name);
    return error(ErrorKind::kNotFound, "target stage \"{}\" could not be found{}", printable(target),
                 suggestion_suffix(target, names, true));
  }

  std::string name_of(std::size_t index) const {
    const std::string& name = drafts_[index].stage->from.stage_name;
    return name.empty() ? fmt::format("stage-{}", index) : name;
  }

  // The image as a stage of the plan without steps; one for each name.
  Result<BaseImage> image(const std::string& reference, const Range& range) {
    const auto known = images_.find(reference);
    if (known != images_.end()) return known->second;
    auto found = resolve_(reference);
    if (!found) {
      context_.diagnostics.error_range = range;
      return std::move(found).take_error();
    }
    return images_.emplace(reference, *std::move(found)).first->second;
  }

  Result<std::size_t> source_stage(std::size_t current, const std::string& from, const Range& range) {
    std::optional<std::size_t> draft;
    if (const auto number = parse_unsigned(from)) {
      if (*number >= drafts_.size()) return fail(range, fmt::format("invalid stage index {}", *number));
      draft = static_cast<std::size_t>(*number);
    } else {
      draft = find_stage(to_lower(from), drafts_.size());
    }
    if (draft) {
      if (*draft == current)
        return fail(range, fmt::format("circular dependency detected on stage: {}", name_of(current)));
      if (*draft > current)
        return fail(range,
                    fmt::format("cannot copy from stage \"{}\", it needs to be defined before current stage \"{}\"",
                                from, name_of(current)));
      return plan_stage(*draft);
    }
    if (from == kScratch) return fail(range, "there is nothing to copy from scratch");
    const auto known = image_stages_.find(from);
    if (known != image_stages_.end()) return known->second;
    PlannedStage stage{.name = from, .title = "FROM " + from, .range = range};
    stage.image = TRY(image(from, range));
    stage.config = stage.image->config;
    stage.title = "FROM " + stage.image->name;
    plan_.stages.push_back(std::move(stage));
    return image_stages_[from] = plan_.stages.size() - 1;
  }

  Result<std::size_t> plan_stage(std::size_t index) {
    Draft& draft = drafts_[index];
    if (draft.planned) return *draft.planned;
    if (draft.active)
      return fail(draft.stage->range, fmt::format("circular dependency detected on stage: {}", name_of(index)));
    draft.active = true;
    PlannedStage planned{.name = name_of(index), .title = "", .range = draft.stage->range};
    draft.planner = std::make_unique<StagePlanner>(
        context_,
        [this, index](const std::string& from, const Range& range) { return source_stage(index, from, range); });
    if (draft.base_draft) {
      planned.base_stage = TRY(plan_stage(*draft.base_draft));
      draft.planner->start_from(*drafts_[*draft.base_draft].planner);
    } else if (draft.base == kScratch) {
      draft.planner->start_from_scratch();
    } else {
      planned.image = TRY(image(draft.base, draft.stage->range));
      draft.planner->start_from(*planned.image);
      planned.title = "FROM " + planned.image->name;
    }
    TRY(apply_triggers(draft));
    for (const Instruction& instruction : draft.stage->instructions) TRY(draft.planner->apply(instruction, false));
    planned.steps =
        draft.planner->finish_steps(drafts_.size() == 1 ? "" : planned.name, planned.image.has_value(), &planned.title);
    planned.config = draft.planner->config();
    plan_.stages.push_back(std::move(planned));
    draft.planned = plan_.stages.size() - 1;
    return *draft.planned;
  }

  Result<> apply_triggers(Draft& draft) {
    const auto triggers = draft.planner->take_triggers();
    if (triggers.size() > kMaxTriggers)
      return fail(draft.stage->range, fmt::format("more than {} ONBUILD triggers", kMaxTriggers),
                  ErrorKind::kResourceExhausted);
    for (const std::string& trigger : triggers) {
      auto instruction = parse_trigger(trigger);
      if (!instruction) return fail(draft.stage->range, instruction.error().message());
      instruction->range = draft.stage->range;
      TRY(draft.planner->apply(*instruction, true));
    }
    return {};
  }

  const Dockerfile& dockerfile_;
  PlanContext context_;
  const ImageResolver& resolve_;
  std::vector<Draft> drafts_;
  std::map<std::string, BaseImage> images_;
  std::map<std::string, std::size_t> image_stages_;
  Plan plan_;
};

}  // namespace

Result<Plan> make_plan(const Dockerfile& dockerfile, const SourceFile& file, const PlanOptions& options,
                       const ImageResolver& resolve, Diagnostics& diagnostics) {
  PlanContext context{.file = file,
                      .options = options,
                      .diagnostics = diagnostics,
                      .escape = dockerfile.escape,
                      .global_args = {},
                      .used_args = {}};
  return Planner(dockerfile, std::move(context), resolve).run();
}

}  // namespace strata::build
