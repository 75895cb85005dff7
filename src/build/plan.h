// What a build will do, known before anything is done: the stages that the target needs, in the order of
// their needs, each with its steps (everything expanded) and the image config that comes out.
//
// Base images are looked up while planning, because their environment takes part in expansion. Only layers
// and times are unknown: solve() fills them in.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "build/copy.h"
#include "build/dockerfile/dockerfile.h"
#include "oci/digest.h"
#include "oci/image_config.h"
#include "oci/platform.h"

namespace strata::build {

struct RunStep {
  std::vector<std::string> args;
  std::vector<std::string> env;        // "K=V", ARGs too: takes part in the cache key
  std::vector<std::string> proxy_env;  // from --build-arg http_proxy=… : does not
  std::string user;
  std::string working_dir;
  std::string network;               // "" (the build's), none, host
  std::optional<InlineFile> script;  // to be found as /dev/pipes/NAME, executable
};

struct CopyStep {
  bool add = false;
  bool link = false;                // independent of what lies below
  std::optional<std::size_t> from;  // a stage of the plan; nullopt: the context
  std::vector<std::string> sources;
  std::vector<InlineFile> inline_files;
  std::string destination;  // absolute
  std::string chown, chmod;
  std::vector<std::string> excludes;
  bool unpack = false;
};

struct WorkdirStep {
  std::string path;
  std::string user;
};

struct Step {
  std::string title;    // "[build 2/3] RUN make"
  std::string source;   // the instruction as written
  std::string command;  // the same after expansion, as history has it
  dockerfile::Range range;
  std::size_t history = 0;  // its line in the config's history
  std::variant<RunStep, CopyStep, WorkdirStep> operation;
};

// An image that a stage starts from.
struct BaseImage {
  std::string name;  // canonical reference
  oci::Digest id;
  oci::ImageConfig config;
  std::vector<oci::Digest> chain_ids;
};

struct PlannedStage {
  std::string name;   // "build", or "stage-1"
  std::string title;  // "[build 1/3] FROM docker.io/library/debian:bookworm"; empty for scratch and stages
  dockerfile::Range range;
  std::optional<BaseImage> image;         // or
  std::optional<std::size_t> base_stage;  // of the plan; neither: scratch
  std::vector<Step> steps;
  // The outcome, but for times and the diff IDs of the steps (the base's are there when it is an image).
  oci::ImageConfig config;
};

struct Plan {
  std::vector<PlannedStage> stages;  // a stage comes after those it needs
  std::size_t target = 0;
  std::vector<std::string> unused_args;  // --build-arg that nothing declares
};

struct PlanOptions {
  std::string target;  // name or number of a stage; empty: the last
  std::map<std::string, std::string> build_args;
  std::map<std::string, std::string> labels;
  oci::Platform platform;
};

// Finds (or pulls) an image. Called once for each reference.
using ImageResolver = std::function<Result<BaseImage>(const std::string& reference)>;

// Errors: kInvalidArgument and kUnsupported "Dockerfile:LINE:COLUMN: …", with the place in `diagnostics`;
// those of the resolver with the place of FROM.
Result<Plan> make_plan(const dockerfile::Dockerfile& dockerfile, const dockerfile::SourceFile& file,
                       const PlanOptions& options, const ImageResolver& resolve, dockerfile::Diagnostics& diagnostics);

}  // namespace strata::build
