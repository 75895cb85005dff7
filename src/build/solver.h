// Solves a plan: stage by stage, step by step, from the cache or by doing it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "build/build.h"
#include "build/cache.h"
#include "build/plan.h"
#include "build/source_tree.h"
#include "build/step_runner.h"

namespace strata::build {

// What there is to show of a step that failed; empty when none did.
struct FailedStep {
  std::string title;
  std::vector<std::string> last_lines;  // of its command's output
};

class Solver {
 public:
  // `origin` tells builds of different Dockerfiles apart, for explaining misses.
  Solver(const BuildOptions& options, const Parts& parts, store::Lease& lease, const Plan& plan,
         dockerfile::Diagnostics& diagnostics, Progress& progress, std::string origin);

  // Builds every stage of the plan; the target's finished image config.
  Result<oci::ImageConfig> run();
  const FailedStep& failed_step() const { return failed_; }

 private:
  struct Built {
    std::vector<oci::Digest> chain;
    oci::ImageConfig config;
  };
  Result<> build_stage(std::size_t index);
  Result<CacheEntry> solve_step(const PlannedStage& stage, int position, const Step& step, const Built& built);
  Result<CacheEntry> solve_in_progress(const PlannedStage& stage, int position, const Step& step, const Built& built,
                                       int shown, bool& cached);
  Result<CopyInputs> read_inputs(const CopyStep& step);
  Result<const SourceTree*> context();
  Result<const SourceTree*> tree_of(std::size_t stage);
  CacheKey key_of(const Step& step, const Built& built, const CopyInputs& inputs) const;
  Result<> check_cancelled() const;

  const BuildOptions& options_;
  const Parts& parts_;
  store::Lease& lease_;
  const Plan& plan_;
  dockerfile::Diagnostics& diagnostics_;
  Progress& progress_;
  std::string origin_;
  Cache cache_;
  StepRunner runner_;
  std::vector<Built> built_;
  std::optional<SourceTree> context_;
  std::map<std::size_t, SourceTree> trees_;
  std::vector<oci::Digest> used_keys_;
  FailedStep failed_;
};

// The ignore file that counts: NAME.dockerignore beside the Dockerfile, else the context's.
Result<IgnoreFile> read_ignore_file(const BuildOptions& options);

}  // namespace strata::build
