#include "build/solver.h"

#include <poll.h>

#include <algorithm>
#include <deque>

#include "base/clock.h"
#include "base/json.h"
#include "base/strings.h"
#include "sys/event_loop.h"
#include "sys/file.h"

namespace strata::build {
namespace {

constexpr std::size_t kLastLines = 10;  // of a failed command's output, as BuildKit shows them
constexpr std::size_t kMaxLine = 4096;

// The end of a command's output, as lines.
class LastLines {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) {
      if (c == '\n') {
        lines_.push_back(std::exchange(line_, {}));
        if (lines_.size() > kLastLines) lines_.pop_front();
      } else if (c == '\r') {
        line_.clear();
      } else if (line_.size() < kMaxLine) {
        line_ += c;
      }
    }
  }
  std::vector<std::string> get() const {
    std::vector<std::string> out(lines_.begin(), lines_.end());
    if (!line_.empty()) out.push_back(line_);
    return out;
  }

 private:
  std::deque<std::string> lines_;
  std::string line_;
};

std::string as_list(const std::vector<std::string>& items) {
  return json(items).dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

Result<IgnoreFile> read_ignore_file(const BuildOptions& options) {
  std::vector<std::string> candidates;
  if (!options.dockerfile_path.empty()) candidates.push_back(options.dockerfile_path + ".dockerignore");
  if (options.context) candidates.push_back(*options.context + "/.dockerignore");
  for (const std::string& path : candidates) {
    auto text = sys::read_file(path);
    if (!text && text.error().error_number() == ENOENT) continue;
    if (!text) return std::move(text).take_error();
    return IgnoreFile::parse(*text).context(path);
  }
  return IgnoreFile();
}

Solver::Solver(const BuildOptions& options, const Parts& parts, store::Lease& lease, const Plan& plan,
               dockerfile::Diagnostics& diagnostics, Progress& progress, std::string origin)
    : options_(options),
      parts_(parts),
      lease_(lease),
      plan_(plan),
      diagnostics_(diagnostics),
      progress_(progress),
      origin_(std::move(origin)),
      cache_(parts.store, parts.layers),
      runner_(options, parts, lease) {}

Result<oci::ImageConfig> Solver::run() {
  built_.resize(plan_.stages.size());
  for (std::size_t i = 0; i < plan_.stages.size(); ++i) TRY(build_stage(i));
  TRY(cache_.touch(used_keys_));
  return std::move(built_[plan_.target].config);
}

Result<> Solver::check_cancelled() const {
  if (options_.cancel_fd < 0) return {};
  pollfd entry{.fd = options_.cancel_fd, .events = POLLIN};
  if (TRY(sys::wait_ready({&entry, 1}, sys::Milliseconds(0)))) return error(ErrorKind::kCancelled, "cancelled");
  return {};
}

Result<> Solver::build_stage(std::size_t index) {
  const PlannedStage& stage = plan_.stages[index];
  Built& built = built_[index];
  built.config = stage.config;
  if (stage.image) {
    built.chain = stage.image->chain_ids;
    progress_.end(progress_.begin(stage.title), Progress::Outcome::kDone);
  } else if (stage.base_stage) {
    const Built& base = built_[*stage.base_stage];
    built.chain = base.chain;
    built.config.diff_ids = base.config.diff_ids;
    built.config.created = base.config.created;
    // The planner copied the base's history before it was known when its layers were made.
    std::ranges::copy(base.config.history, built.config.history.begin());
  }
  if (stage.image) built.config.created = stage.image->config.created;
  for (std::size_t i = 0; i < stage.steps.size(); ++i) {
    TRY(check_cancelled());
    const Step& step = stage.steps[i];
    const CacheEntry entry = TRY(solve_step(stage, static_cast<int>(i), step, built));
    oci::History& line = built.config.history[step.history];
    line.created = entry.created;
    built.config.created = entry.created;
    if (entry.layer) {
      built.chain.push_back(entry.layer->chain_id);
      built.config.diff_ids.push_back(entry.layer->diff_id);
    } else {
      line.empty_layer = true;
    }
  }
  // Lines without a layer have the time of the last one before them that had one.
  std::string last = stage.image ? stage.image->config.created : "";
  for (oci::History& line : built.config.history) {
    if (line.created.empty()) line.created = last;
    last = line.created;
  }
  return {};
}

Result<CacheEntry> Solver::solve_step(const PlannedStage& stage, int position, const Step& step, const Built& built) {
  const int shown = progress_.begin(step.title);
  bool cached = false;
  auto entry = solve_in_progress(stage, position, step, built, shown, cached);
  if (entry) {
    progress_.end(shown, cached ? Progress::Outcome::kCached : Progress::Outcome::kDone);
    return entry;
  }
  const bool cancelled = entry.error().kind() == ErrorKind::kCancelled;
  progress_.end(shown, cancelled ? Progress::Outcome::kCancelled : Progress::Outcome::kFailed, entry.error().message());
  if (!cancelled) diagnostics_.error_range = step.range;
  return entry;
}

Result<CacheEntry> Solver::solve_in_progress(const PlannedStage& stage, int position, const Step& step,
                                             const Built& built, int shown, bool& cached) {
  CopyInputs inputs;
  if (const auto* copy = std::get_if<CopyStep>(&step.operation)) {
    auto read = read_inputs(*copy);
    if (!read) return std::move(read).context("failed to compute cache key").take_error();
    inputs = *std::move(read);
  }
  const CacheKey key = key_of(step, built, inputs);
  const oci::Digest key_digest = key.digest();
  const StepPlace place{.stage = origin_ + "/" + stage.name, .index = position};
  if (!options_.no_cache) {
    if (auto found = TRY(cache_.find(key_digest, lease_))) {
      cached = true;
      used_keys_.push_back(key_digest);
      return *std::move(found);
    }
    const std::string reason = TRY(cache_.explain_miss(key, place));
    if (!reason.empty()) progress_.note(shown, "not cached: " + reason);
  }

  LastLines last;
  StepRunner::Outcome outcome = std::nullopt;
  if (const auto* run = std::get_if<RunStep>(&step.operation)) {
    outcome = runner_.run(*run, built.chain, [&](std::string_view bytes) {
      last.add(bytes);
      progress_.output(shown, bytes);
    });
  } else if (const auto* copy = std::get_if<CopyStep>(&step.operation)) {
    outcome = runner_.copy(*copy, built.chain, inputs);
  } else {
    outcome = runner_.make_directory(std::get<WorkdirStep>(step.operation), built.chain);
  }
  if (!outcome) {
    failed_ = {.title = step.title, .last_lines = last.get()};
    return std::move(outcome).take_error();
  }
  CacheEntry entry{.layer = *std::move(outcome), .created = to_rfc3339(now())};
  TRY(cache_.record(key, place, entry));
  return entry;
}

Result<const SourceTree*> Solver::context() {
  if (!context_) {
    if (!options_.context)
      return error(ErrorKind::kInvalidArgument, "there is no build context: only a Dockerfile was given");
    IgnoreFile ignore = TRY(read_ignore_file(options_));
    context_ = TRY(SourceTree::open_context(*options_.context, std::move(ignore)));
  }
  return &*context_;
}

Result<const SourceTree*> Solver::tree_of(std::size_t stage) {
  const auto known = trees_.find(stage);
  if (known != trees_.end()) return &known->second;
  auto root = TRY(parts_.layers.mount_rootfs(built_[stage].chain, nullptr), "mount stage {}", plan_.stages[stage].name);
  return &trees_.emplace(stage, SourceTree::rootfs(std::move(root))).first->second;
}

Result<CopyInputs> Solver::read_inputs(const CopyStep& step) {
  CopyInputs inputs;
  static const SourceTree kNothing = SourceTree::rootfs(sys::UniqueFd());
  inputs.tree = &kNothing;
  if (step.sources.empty()) return inputs;
  inputs.tree = step.from ? TRY(tree_of(*step.from)) : TRY(context());
  const IgnoreFile excludes = TRY(IgnoreFile::from_patterns(step.excludes));
  for (const std::string& word : step.sources)
    for (Source& source : TRY(inputs.tree->find(word, excludes))) inputs.sources.push_back(std::move(source));
  TRY(inputs.tree->hash(inputs.sources));
  return inputs;
}

CacheKey Solver::key_of(const Step& step, const Built& built, const CopyInputs& inputs) const {
  CacheKey key;
  key.source = step.source;
  const auto add = [&](const char* name, std::string value) { key.parts.emplace_back(name, std::move(value)); };
  add("platform", built.config.os + "/" + built.config.architecture +
                      (built.config.variant.empty() ? "" : "/" + built.config.variant));
  if (const auto* run = std::get_if<RunStep>(&step.operation)) {
    add("kind", "run");
    add("user", run->user);
    add("working directory", run->working_dir);
    add("network", run->network.empty() ? options_.network : run->network);
    add("command", as_list(run->args));
    add("script", run->script ? run->script->text : "");
    key.env = run->env;
  } else if (const auto* copy = std::get_if<CopyStep>(&step.operation)) {
    add("kind", copy->unpack ? "add" : "copy");
    add("link", copy->link ? "yes" : "no");
    add("chown", copy->chown);
    add("chmod", copy->chmod);
    add("exclude", as_list(copy->excludes));
    add("command", as_list(copy->sources) + " " + copy->destination);
    for (const InlineFile& file : copy->inline_files)
      add("inline file", oci::Digest::of(file.name + "\n" + file.text).to_string());
    const auto mode = copy->chmod.empty() ? std::nullopt : ModeChange::parse(copy->chmod)->absolute();
    SourceDigest digest = digest_of(inputs.sources, !mode, copy->chown.empty());
    key.files_digest = digest.all.to_string();
    key.files = std::move(digest.files);
  } else {
    const auto& workdir = std::get<WorkdirStep>(step.operation);
    add("kind", "workdir");
    add("user", workdir.user);
    add("command", workdir.path);
  }
  add("parent", built.chain.empty() ? "scratch" : built.chain.back().to_string());
  return key;
}

}  // namespace strata::build
