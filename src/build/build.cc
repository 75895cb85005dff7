#include "build/build.h"

#include <algorithm>

#include "base/strings.h"
#include "build/dockerfile/dockerfile.h"
#include "build/plan.h"
#include "build/solver.h"
#include "images/images.h"
#include "images/restore.h"
#include "registry/client.h"
#include "store/lease.h"
#include "store/reference.h"

namespace strata::build {
namespace {

// Runs `work` as one of the steps that are shown.
template <class F>
auto shown_step(Progress& progress, std::string_view title, F work) {
  const int step = progress.begin(title);
  auto result = work(step);
  if (result) {
    progress.end(step, Progress::Outcome::kDone);
  } else {
    const bool cancelled = result.error().kind() == ErrorKind::kCancelled;
    progress.end(step, cancelled ? Progress::Outcome::kCancelled : Progress::Outcome::kFailed,
                 result.error().message());
  }
  return result;
}

// The image that FROM names: here already, or pulled.
class BaseImages {
 public:
  BaseImages(const BuildOptions& options, const Parts& parts, store::Lease& lease, Progress& progress)
      : options_(options), parts_(parts), lease_(lease), progress_(progress) {}

  Result<BaseImage> get(const std::string& name) {
    const oci::Reference reference =
        TRY(oci::Reference::parse(name), "failed to parse stage name \"{}\"", printable(name)).with_default_tag();
    return shown_step(progress_, "[internal] load metadata for " + reference.to_string(),
                      [&](int step) { return load(name, reference, step); });
  }

 private:
  Result<BaseImage> load(const std::string& name, const oci::Reference& reference, int step) {
    if (!options_.pull) {
      auto local = parts_.images.find(name);
      if (local) {
        // First hold, then look.
        TRY(images::Images::hold(lease_, local->id));
        local = parts_.images.find(name);
      }
      if (local) {
        TRY(images::restore(parts_.images, *local, parts_.registry,
                            {.max_layer_size = options_.max_layer_size,
                             .note = [&](const std::string& line) { progress_.note(step, line); }}));
        if (TRY(hold(*local))) return to_base(*local, reference);
      } else if (local.error().kind() != ErrorKind::kNotFound) {
        return std::move(local).take_error();
      }
    }
    registry::Client* client = TRY(parts_.registry());
    images::PullOptions pull{
        .platform = options_.platform, .max_layer_size = options_.max_layer_size, .lease = &lease_};
    const images::Pulled pulled =
        TRY(parts_.images.pull(*client, reference, pull, progress_.pull(step)), "{}", reference.to_string());
    if (!TRY(hold(pulled.image)))
      return error(ErrorKind::kConflict, "{}: removed by another command while it was pulled", reference.familiar());
    return to_base(pulled.image, reference);
  }

  // Keeps the image's layers until the build ends; false when somebody removed them just now.
  Result<bool> hold(const images::Image& image) {
    if (image.chain_ids.empty()) return true;
    const oci::Digest& top = image.chain_ids.back();
    TRY(lease_.hold(store::kLayer, top.to_string()));
    return TRY(parts_.layers.find(top)).has_value();
  }

  static BaseImage to_base(const images::Image& image, const oci::Reference& reference) {
    return {.name = reference.to_string(), .id = image.id, .config = image.config, .chain_ids = image.chain_ids};
  }

  const BuildOptions& options_;
  const Parts& parts_;
  store::Lease& lease_;
  Progress& progress_;
};

Result<oci::Digest> export_image(const BuildOptions& options, const Parts& parts, store::Lease& lease,
                                 const oci::ImageConfig& config, Progress& progress) {
  return shown_step(progress, "exporting to image", [&](int step) -> Result<oci::Digest> {
    std::optional<oci::Reference> first;
    if (!options.tags.empty()) first = options.tags.front();
    const std::string bytes = config.to_json();
    // A prune must not come between its names.
    TRY(images::Images::hold(lease, oci::Digest::of(bytes)));
    const images::Image image = TRY(parts.images.add(bytes, first));
    progress.note(step, "writing image " + image.id.to_string());
    for (const oci::Reference& tag : options.tags) {
      if (&tag != &options.tags.front()) TRY(parts.images.tag(image.id, tag));
      progress.note(step, "naming to " + tag.with_default_tag().to_string());
    }
    return image.id;
  });
}

// Different Dockerfiles do not explain each other's misses.
std::string origin_of(const BuildOptions& options) {
  const std::string& name = options.dockerfile_path.empty() ? options.dockerfile_name : options.dockerfile_path;
  return oci::Digest::of(name).short_hex();
}

class Build {
 public:
  Build(const BuildOptions& options, const Parts& parts, Progress& progress)
      : options_(options), parts_(parts), progress_(progress), file_(options.dockerfile_name, options.dockerfile) {}

  Result<oci::Digest> run() {
    auto result = run_to_error();
    if (!result && diagnostics_.error_range)
      progress_.failure(failed_step_.title, failed_step_.last_lines, file_.excerpt(*diagnostics_.error_range));
    return result;
  }

 private:
  Result<oci::Digest> run_to_error() {
    const auto dockerfile =
        TRY(shown_step(progress_, "[internal] load build definition from " + options_.dockerfile_name, [&](int step) {
          progress_.note(step, "transferring dockerfile: " + human_size(file_.text().size()) + " done");
          return dockerfile::parse(file_, diagnostics_);
        }));
    store::Lease lease = TRY(store::Lease::create(parts_.store));
    PlanOptions plan_options{.target = options_.target,
                             .build_args = options_.build_args,
                             .labels = options_.labels,
                             .platform = options_.platform.value_or(oci::host_platform())};
    BaseImages base_images(options_, parts_, lease, progress_);
    const Plan plan = TRY(make_plan(
        dockerfile, file_, plan_options, [&](const std::string& name) { return base_images.get(name); }, diagnostics_));
    for (const auto& warning : diagnostics_.warnings)
      progress_.warning(fmt::format("{}: {} (line {})", warning.rule, warning.message, warning.range.line));
    if (!plan.unused_args.empty())
      progress_.warning(fmt::format("One or more build-args [{}] were not consumed", join(plan.unused_args, " ")));
    Solver solver(options_, parts_, lease, plan, diagnostics_, progress_, origin_of(options_));
    auto config = solver.run();
    failed_step_ = solver.failed_step();
    if (!config) return std::move(config).take_error();
    return export_image(options_, parts_, lease, *config, progress_);
  }

  const BuildOptions& options_;
  const Parts& parts_;
  Progress& progress_;
  dockerfile::SourceFile file_;
  dockerfile::Diagnostics diagnostics_;
  FailedStep failed_step_;
};

}  // namespace

Result<oci::Digest> build(const BuildOptions& options, const Parts& parts, Progress& progress) {
  const oci::Platform host = oci::host_platform();
  if (options.platform && !oci::matches(*options.platform, host))
    return error(ErrorKind::kUnsupported, "building for {} is not supported yet: this machine is {}",
                 options.platform->to_string(), host.to_string());
  return Build(options, parts, progress).run();
}

}  // namespace strata::build
