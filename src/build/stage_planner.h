// One stage while it is planned: what its instructions so far have made of environment and config.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "build/plan.h"

namespace strata::build {

// What all stages share.
struct PlanContext {
  const dockerfile::SourceFile& file;
  const PlanOptions& options;
  dockerfile::Diagnostics& diagnostics;
  char escape = '\\';
  std::map<std::string, std::string> global_args;  // predefined ones, and ARG before the first FROM
  std::set<std::string> used_args;                 // names of --build-arg that were declared
};

class StagePlanner {
 public:
  // Finds the stage (in the plan) that COPY --from names.
  using SourceStage = std::function<Result<std::size_t>(const std::string& from, const dockerfile::Range& range)>;

  StagePlanner(PlanContext& context, SourceStage source) : context_(context), source_(std::move(source)) {}

  // Where the stage starts: one of these first.
  void start_from_scratch();
  void start_from(const BaseImage& image);
  void start_from(const StagePlanner& stage);

  // ONBUILD triggers of the base, to be applied before the stage's own instructions; they are used up.
  std::vector<std::string> take_triggers() { return std::move(triggers_); }

  // `trigger`: the instruction is one.
  Result<> apply(const dockerfile::Instruction& instruction, bool trigger);

  // `prefix` is the name in "[name 1/3]" (may be empty), `first` counts FROM.
  std::vector<Step> finish_steps(const std::string& prefix, bool first_is_from, std::string* from_title);
  oci::ImageConfig& config() { return config_; }

 private:
  using Text = Result<std::string>;
  Error fail(std::string_view message, ErrorKind kind = ErrorKind::kInvalidArgument);
  Error unsupported(std::string_view what);
  Text expand(const std::string& word);
  Result<> expand_all(std::vector<std::string>& words);
  std::optional<std::string> variable(std::string_view name) const;
  void set_variable(const std::string& name, const std::string& value);
  void set_config_env(const std::string& name, const std::string& value);
  void ensure_path();
  void add_history(std::string text, bool empty);
  Step& add_step(std::string command, bool buildkit_suffix);
  std::vector<std::string> with_shell(const dockerfile::CommandLine& command) const;

  Result<> on(const dockerfile::From&) { return fail("FROM is not expected here"); }
  Result<> on(const dockerfile::Run& run);
  Result<> on(const dockerfile::Copy& copy);
  Result<> on(const dockerfile::Env& env);
  Result<> on(const dockerfile::Arg& arg);
  Result<> on(const dockerfile::Label& label);
  Result<> on(const dockerfile::Workdir& workdir);
  Result<> on(const dockerfile::User& user);
  Result<> on(const dockerfile::Expose& expose);
  Result<> on(const dockerfile::Volume& volume);
  Result<> on(const dockerfile::Cmd& cmd);
  Result<> on(const dockerfile::Entrypoint& entrypoint);
  Result<> on(const dockerfile::Shell& shell);
  Result<> on(const dockerfile::StopSignal& signal);
  Result<> on(const dockerfile::Healthcheck& check);
  Result<> on(const dockerfile::Maintainer& maintainer);
  Result<> on(const dockerfile::Onbuild& onbuild);

  PlanContext& context_;
  SourceStage source_;
  const dockerfile::Instruction* current_ = nullptr;
  bool trigger_ = false;

  oci::ImageConfig config_;
  std::vector<std::pair<std::string, std::string>> env_;   // ENV and ARG together, as RUN sees them
  std::vector<std::pair<std::string, std::string>> args_;  // ARGs that were declared
  std::vector<std::string> triggers_;
  bool cmd_set_ = false;
  std::vector<Step> steps_;
};

}  // namespace strata::build
