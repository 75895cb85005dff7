#include "engine/fsck.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "base/strings.h"
#include "build/cache.h"
#include "containers/check.h"
#include "engine/restore.h"
#include "images/images.h"
#include "layers/layers.h"
#include "store/store.h"

namespace strata::engine {
namespace {

using Outcome = Finding::Outcome;

// More threads than this read no faster from a disk, and the machine has other work.
constexpr unsigned kMostThreads = 8;

class Fsck {
 public:
  Fsck(Engine& engine, const FsckOptions& options) : engine_(engine), options_(options) {}

  Result<FsckReport> run();

 private:
  Result<> check_database();
  Result<> check_rows();
  Result<> check_things();
  Result<> check_layers();
  Result<> check_images();
  Result<> check_containers();
  Result<> check_cache();

  Result<> mend_layers();
  Result<> mend_layer(const layers::Defect& defect, Finding& finding);
  Result<> restore_layers(const layers::Defect& defect, Finding& finding);
  Result<> mend_image(const images::ImageDefect& defect, Finding& finding);
  Result<std::vector<oci::Digest>> users_of(const std::vector<oci::Digest>& chains);
  Result<std::vector<std::string>> names_of(const std::vector<oci::Digest>& images);
  Finding& add(Finding finding) { return report_.findings.emplace_back(std::move(finding)); }

  Engine& engine_;
  const FsckOptions& options_;
  FsckReport report_;
  std::vector<std::pair<layers::Defect, std::size_t>> layer_defects_;  // with the finding's position
  std::map<oci::Digest, std::vector<oci::Digest>> users_;              // images by chain ID
};

Result<> Fsck::check_rows() {
  const auto found = [&](std::string what) {
    add({"database",
         engine_.settings().paths.root + "/strata.db",
         std::move(what),
         {},
         Outcome::kLost,
         "bring back a copy of it"});
  };
  {
    auto rows = TRY(engine_.store().db().query("PRAGMA integrity_check(10)"));
    while (TRY(rows.step()))
      if (rows.text_view(0) != "ok") found(rows.text(0));
  }
  auto rows = TRY(engine_.store().db().query("PRAGMA foreign_key_check"));
  while (TRY(rows.step())) found(fmt::format("a row of {} has lost what it belongs to", rows.text_view(0)));
  return {};
}

Result<> Fsck::check_database() {
  TRY(check_rows());
  if (!options_.repair || report_.findings.empty()) return {};
  // What SQLite derives from the rows can be made again from them.
  std::vector<Finding> before = std::move(report_.findings);
  report_.findings.clear();
  if (engine_.store().db().run("REINDEX"))
    TRY(check_rows());
  else
    report_.findings = before;
  if (!report_.findings.empty()) return {};
  report_.findings = std::move(before);
  for (Finding& finding : report_.findings) {
    finding.outcome = Outcome::kRepaired;
    finding.remedy = "its indexes were made again";
  }
  return {};
}

Result<std::vector<oci::Digest>> Fsck::users_of(const std::vector<oci::Digest>& chains) {
  std::set<oci::Digest> images;
  for (const oci::Digest& chain : chains)
    if (const auto at = users_.find(chain); at != users_.end()) images.insert(at->second.begin(), at->second.end());
  return std::vector(images.begin(), images.end());
}

Result<std::vector<std::string>> Fsck::names_of(const std::vector<oci::Digest>& images) {
  std::vector<std::string> names;
  for (const oci::Digest& id : images) names.push_back(join(TRY(engine_.images().familiar_names(id)), ", "));
  std::ranges::sort(names);
  return names;
}

Result<> Fsck::check_layers() {
  users_ = TRY(engine_.images().users_of_layers());
  const std::string error = engine_.store().sync_error();
  layers::CheckOptions options{.threads = std::min(kMostThreads, std::max(1U, std::thread::hardware_concurrency())),
                               .from_disk = !error.empty(),
                               .progress = options_.progress};
  std::vector<layers::Defect> defects;
  report_.checked =
      TRY(engine_.layers().check(options, [&](layers::Defect defect) { defects.push_back(std::move(defect)); }));
  // Threads found them; what is repaired first must be there first: tars before what is made of them.
  std::ranges::stable_sort(defects, [](const layers::Defect& a, const layers::Defect& b) {
    const auto rank = [](const layers::Defect& d) {
      return std::tuple(d.kind != layers::Defect::Kind::kTar, d.kind, d.file);
    };
    return rank(a) < rank(b);
  });
  for (layers::Defect& defect : defects) {
    const bool orphan = !defect.diff_id.has_value();
    add({orphan ? "orphan" : "layer", orphan ? "layers/" + defect.file : defect.diff_id->to_string(), defect.what,
         TRY(names_of(TRY(users_of(defect.chain_ids))))});
    layer_defects_.emplace_back(std::move(defect), report_.findings.size() - 1);
  }
  if (error.empty()) return {};
  Finding& finding = add({"disk", engine_.settings().paths.root, "writing to it has failed: " + error});
  // All that it lost of layers stands above; containers and volumes have no digests.
  finding.remedy = "layers were read again from the disk";
  finding.outcome = options_.repair ? Outcome::kRepaired : Outcome::kFound;
  if (options_.repair) return engine_.store().forget_sync_error();
  return {};
}

Result<> Fsck::mend_layers() {
  for (const auto& [defect, position] : layer_defects_) TRY(mend_layer(defect, report_.findings[position]));
  return {};
}

Result<> Fsck::mend_layer(const layers::Defect& defect, Finding& finding) {
  using Kind = layers::Defect::Kind;
  if (defect.kind == Kind::kTar || defect.kind == Kind::kRecord) return restore_layers(defect, finding);
  const Result<> mended = engine_.layers().mend(defect);
  finding.outcome = mended ? Outcome::kRepaired : Outcome::kLost;
  if (!mended)
    finding.remedy = mended.error().message();
  else if (defect.kind == Kind::kMerged)
    finding.remedy = "forgotten; made again when it is needed";
  else
    finding.remedy = defect.diff_id ? "made again from its tar" : "removed";
  return {};
}

Result<> Fsck::restore_layers(const layers::Defect& defect, Finding& finding) {
  if (defect.kind == layers::Defect::Kind::kTar) TRY(engine_.layers().mend(defect));
  // Steps of the build cache are only forgotten: the next build makes them again.
  TRY(build::forget_layers(engine_.store(), defect.chain_ids));
  const auto images = TRY(users_of(defect.chain_ids));
  if (images.empty()) {
    TRY(engine_.layers().remove(defect.chain_ids));
    finding.outcome = Outcome::kRepaired;
    finding.remedy = "removed: no image has it";
    return {};
  }
  std::string reason;
  for (const oci::Digest& id : images) {
    const Result<images::Image> image = engine_.images().get(id);
    if (!image && image.error().kind() == ErrorKind::kNotFound) continue;  // removed meanwhile
    const Result<> restored = image ? restore(engine_, *image, options_.note, true) : Result<>(image.error());
    if (!restored && reason.empty()) reason = restored.error().message();
  }
  // An image may have lost another layer, too: that one has a finding of its own.
  const bool whole = reason.empty() || TRY(engine_.layers().missing(defect.chain_ids)).empty();
  finding.outcome = whole ? Outcome::kRepaired : Outcome::kLost;
  finding.remedy = whole ? "fetched again" : reason;
  return {};
}

Result<> Fsck::check_images() {
  report_.images = TRY(engine_.images().list()).size();
  std::vector<images::ImageDefect> defects;
  TRY(engine_.images().check([&](images::ImageDefect defect) { defects.push_back(std::move(defect)); }));
  for (const images::ImageDefect& defect : defects) {
    const bool orphan = defect.kind == images::ImageDefect::Kind::kOrphan;
    Finding& finding = add({"image", defect.image.to_string(), defect.what});
    if (!orphan) finding.images = TRY(names_of({defect.image}));
    if (options_.repair) TRY(mend_image(defect, finding));
  }
  return {};
}

Result<> Fsck::mend_image(const images::ImageDefect& defect, Finding& finding) {
  if (TRY(engine_.images().mend(defect))) {
    finding.outcome = Outcome::kRepaired;
    finding.remedy = "its records were put right";
    return {};
  }
  const Result<images::Image> image = engine_.images().get(defect.image);
  const Result<> restored = image ? restore(engine_, *image, options_.note) : Result<>(image.error());
  const bool whole = restored && defect.kind == images::ImageDefect::Kind::kLayer;
  finding.outcome = whole ? Outcome::kRepaired : Outcome::kLost;
  finding.remedy = whole      ? "fetched again"
                   : restored ? "remove it, and pull or build it again"
                              : restored.error().message();
  return {};
}

Result<> Fsck::check_containers() {
  std::vector<containers::ContainerDefect> defects;
  const auto totals = TRY(containers::check(
      engine_.containers(), [&](containers::ContainerDefect defect) { defects.push_back(std::move(defect)); }));
  report_.containers = totals.containers;
  report_.volumes = totals.volumes;
  using Kind = containers::ContainerDefect::Kind;
  for (const containers::ContainerDefect& defect : defects) {
    const bool volume = defect.kind == Kind::kVolumeRecord || defect.kind == Kind::kVolumeLost;
    Finding& finding = add({volume                         ? "volume"
                            : defect.kind == Kind::kOrphan ? "orphan"
                                                           : "container",
                            defect.kind == Kind::kOrphan ? "containers/" + defect.name : defect.name, defect.what});
    if (!options_.repair) continue;
    const bool mended = TRY(containers::mend(engine_.containers(), defect));
    finding.outcome = mended ? Outcome::kRepaired : Outcome::kLost;
    finding.remedy = !mended ? "nothing has a copy of it" : defect.kind == Kind::kOrphan ? "removed" : "recorded again";
  }
  return {};
}

Result<> Fsck::check_cache() {
  for (const std::string& holder : TRY(build::orphan_holders(engine_.store()))) {
    Finding& finding = add({"build cache", holder, "a layer is held for a step that is not recorded"});
    if (!options_.repair) continue;
    TRY(build::drop_orphan(engine_.store(), holder));
    finding.outcome = Outcome::kRepaired;
    finding.remedy = "dropped";
  }
  return {};
}

Result<> Fsck::check_things() {
  TRY(check_layers());
  if (options_.repair) TRY(mend_layers());
  TRY(check_images());
  TRY(check_cache());
  return check_containers();
}

Result<FsckReport> Fsck::run() {
  TRY(check_database());
  const Result<> checked = check_things();
  // Where the database cannot be read, what is wrong with it has been said.
  if (!checked && (checked.error().kind() != ErrorKind::kCorrupt || report_.findings.empty())) return checked.error();
  return std::move(report_);
}

}  // namespace

std::string Finding::line() const {
  std::string text = name.empty() ? subject : subject + ' ' + name;
  text += ": " + what;
  if (!images.empty()) text += "; images: " + join(images, ", ");
  if (outcome == Outcome::kRepaired) text += "; repaired: " + remedy;
  if (outcome == Outcome::kLost) text += "; lost: " + remedy;
  return text;
}

bool FsckReport::clean() const {
  return std::ranges::all_of(findings, [](const Finding& finding) { return finding.outcome == Outcome::kRepaired; });
}

Result<FsckReport> fsck(Engine& engine, const FsckOptions& options) { return Fsck(engine, options).run(); }

}  // namespace strata::engine
