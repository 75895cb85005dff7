// fsck of root/layers: a tar is good when its digest is its diff ID, an index when its digest is the recorded
// one; a directory form has no digest, only its presence is checked. Other commands may be at work: what is
// found wrong is looked at again before it is reported, because it may have been replaced or removed meanwhile.
#include "layers/layers_check.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <set>
#include <thread>

#include "layers/layers_impl.h"
#include "layers/merged_records.h"
#include "store/trash.h"
#include "sys/file.h"
#include "sys/page_cache.h"

namespace strata::layers {
namespace {

constexpr std::chrono::milliseconds kRemovalPatience{3000};
constexpr std::chrono::milliseconds kLookAgain{5};

// A file with a digest.
struct Job {
  Defect::Kind kind;
  std::string file;
  oci::Digest diff_id;
  std::string digest;
  std::uint64_t size = 0;
  std::string_view noun() const {
    return kind == Defect::Kind::kTar ? "tar" : kind == Defect::Kind::kIndex ? "index" : "index of merged layers";
  }
};

// The records as they were at one moment.
struct Snapshot {
  std::vector<records::Layer> layers;
  std::vector<records::Tar> tars;
  std::vector<records::Index> indexes;
  std::vector<std::string> directories;

  std::vector<oci::Digest> chains_with(auto matches) const {
    std::vector<oci::Digest> chains;
    for (const records::Layer& layer : layers)
      if (matches(layer)) chains.push_back(layer.chain_id);
    return chains;
  }
};

Result<Snapshot> take_snapshot(store::Database& db) {
  const store::Transaction alone = TRY(db.begin());
  return Snapshot{TRY(records::all_layers(db)), TRY(records::all_tars(db)), TRY(records::all_indexes(db)),
                  TRY(records::all_directories(db))};
}

// Which inode a path names; 0 for none.
ino_t inode_at(const std::string& path) {
  const auto info = sys::lstat_path(path);
  return info ? info->st_ino : 0;
}

struct Verdict {
  std::string what;  // "" when the file is good
  ino_t inode = 0;   // that was looked at
  std::uint64_t bytes = 0;
};

Result<Verdict> judge(const Job& job, const std::string& path, const CheckOptions& options) {
  const Result<sys::UniqueFd> file = sys::open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);  // a FIFO would block
  if (!file) {
    if (file.error().error_number() == ENOENT) return Verdict{fmt::format("its {} is lost", job.noun())};
    return Verdict{fmt::format("its {} cannot be read: {}", job.noun(), file.error().message()), inode_at(path)};
  }
  const struct stat info = TRY(sys::stat_fd(file->get()));
  Verdict verdict{.inode = info.st_ino};
  if (!S_ISREG(info.st_mode)) {
    verdict.what = fmt::format("its {} is not a file", job.noun());
    return verdict;
  }
  if (static_cast<std::uint64_t>(info.st_size) != job.size) {
    verdict.what = fmt::format("its {} has {} bytes instead of {}", job.noun(), info.st_size, job.size);
    return verdict;
  }
  if (options.from_disk) sys::drop_page_cache(file->get());
  const Result<std::string> digest = digest_of_file(file->get(), options.progress);
  if (!digest && digest.error().kind() == ErrorKind::kCancelled) return digest.error();
  if (!digest)
    verdict.what = fmt::format("its {} cannot be read: {}", job.noun(), digest.error().message());
  else if (*digest != job.digest)
    verdict.what = fmt::format("its {} is damaged: it has digest sha256:{}", job.noun(), *digest) +
                   (job.kind == Defect::Kind::kTar ? "" : " instead of sha256:" + job.digest);
  verdict.bytes = job.size;
  return verdict;
}

}  // namespace

// The whole check; its threads share what the mutex guards.
class LayerCheck {
 public:
  LayerCheck(Layers::Impl& impl, const CheckOptions& options, const std::function<void(Defect)>& found)
      : impl_(impl), options_(options), found_(found) {}

  Result<CheckTotals> run() {
    snapshot_ = TRY(take_snapshot(impl_.db()));
    check_records();
    TRY(check_files());
    TRY(check_directories());
    TRY(check_merged());
    TRY(find_orphans());
    return totals_;
  }

 private:
  void check_records();
  Result<> check_files();
  Result<> check_file(const Job& job);
  Result<bool> is_current(const Job& job);
  Result<> check_directories();
  Result<> check_merged();
  Result<> find_orphans();

  Layers::Impl& impl_;
  const CheckOptions& options_;
  const std::function<void(Defect)>& found_;
  Snapshot snapshot_;
  std::mutex mutex_;
  CheckTotals totals_;
};

void LayerCheck::check_records() {
  std::set<oci::Digest> chains, tars;
  std::set<std::string> trees(snapshot_.directories.begin(), snapshot_.directories.end());
  for (const records::Layer& layer : snapshot_.layers) chains.insert(layer.chain_id);
  for (const records::Tar& tar : snapshot_.tars) tars.insert(tar.diff_id);
  for (const records::Index& index : snapshot_.indexes) trees.insert(index.key);
  for (const records::Layer& layer : snapshot_.layers) {
    if (!tars.contains(layer.diff_id))
      found_({Defect::Kind::kRecord, "", layer.diff_id, {layer.chain_id}, "there is no record of its tar"});
    if (layer.parent && !chains.contains(*layer.parent))
      found_({Defect::Kind::kRecord,
              "",
              layer.diff_id,
              {layer.chain_id},
              fmt::format("the layer below it, {}, is not recorded", layer.parent->to_string())});
    if (tars.contains(layer.diff_id) && !trees.contains(layer.tree_key))
      found_({Defect::Kind::kIndex,
              layer.tree_key + ".erofs",
              layer.diff_id,
              {layer.chain_id},
              "there is no record of its index"});
  }
}

Result<> LayerCheck::check_files() {
  std::vector<Job> jobs;
  for (const records::Tar& tar : snapshot_.tars)
    jobs.push_back({Defect::Kind::kTar, tar.diff_id.hex() + ".tar", tar.diff_id, tar.diff_id.hex(), tar.size});
  for (const records::Index& index : snapshot_.indexes)
    jobs.push_back({Defect::Kind::kIndex, index.key + ".erofs", index.diff_id, index.digest, index.size});
  totals_.tars = snapshot_.tars.size();
  totals_.indexes = snapshot_.indexes.size();
  // The longest first, so that none is left alone at the end.
  std::ranges::sort(jobs, std::greater(), &Job::size);
  std::atomic<std::size_t> next = 0;
  std::optional<Error> failure;
  {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < std::min<std::size_t>(std::max(options_.threads, 1U), jobs.size()); ++i)
      threads.emplace_back([&] {
        for (std::size_t at = next++; at < jobs.size(); at = next++) {
          Result<> checked = check_file(jobs[at]);
          if (checked) continue;
          const std::lock_guard lock(mutex_);
          if (!failure) failure = std::move(checked).take_error();
          next = jobs.size();
        }
      });
  }
  if (failure) return *std::move(failure);
  return {};
}

Result<> LayerCheck::check_file(const Job& job) {
  const std::string path = impl_.directory + "/" + job.file;
  Verdict verdict;
  do {
    verdict = TRY(judge(job, path, options_));
    if (!TRY(is_current(job))) return {};
  } while (!verdict.what.empty() && inode_at(path) != verdict.inode);
  if (verdict.what.empty()) TRY(impl_.believe(job.file));
  const std::lock_guard lock(mutex_);
  totals_.bytes += verdict.bytes;
  if (verdict.what.empty()) return {};
  const std::string key = job.file.substr(0, 64);
  found_({job.kind, job.file, job.diff_id, snapshot_.chains_with([&](const records::Layer& layer) {
            return job.kind == Defect::Kind::kTar ? layer.diff_id == job.diff_id : layer.tree_key == key;
          }),
          verdict.what});
  return {};
}

// Still recorded as it was.
Result<bool> LayerCheck::is_current(const Job& job) {
  if (job.kind == Defect::Kind::kTar) {
    const auto tar = TRY(records::find_tar(impl_.db(), job.diff_id));
    return tar && tar->size == job.size;
  }
  const auto index = TRY(records::find_index(impl_.db(), job.file.substr(0, 64)));
  return index && index->digest == job.digest;
}

Result<> LayerCheck::check_directories() {
  totals_.directories = snapshot_.directories.size();
  for (const std::string& key : snapshot_.directories) {
    const auto info = sys::lstat_path(impl_.directory_path(key));
    if (info && S_ISDIR(info->st_mode)) continue;
    if (!TRY(records::find_directory(impl_.db(), key)) || inode_at(impl_.directory_path(key)) != 0) continue;
    const auto layer = std::ranges::find(snapshot_.layers, key, &records::Layer::tree_key);
    if (layer == snapshot_.layers.end()) continue;  // an orphan
    found_({Defect::Kind::kDirectory, key + ".dir", layer->diff_id,
            snapshot_.chains_with([&](const records::Layer& other) { return other.tree_key == key; }),
            "its directory is lost"});
  }
  return {};
}

// Trees made of several layers: derived, and mended by forgetting them.
Result<> LayerCheck::check_merged() {
  for (const records::Merged& merged : TRY(records::all_merged(impl_.db()))) {
    const std::string file = merged.key + (merged.directory ? ".dir" : ".erofs");
    const std::string path = impl_.directory + "/" + file;
    Verdict verdict;
    if (merged.directory) {
      if (!sys::exists(path)) verdict.what = "the directory made of it and the layers below is lost";
    } else {
      verdict = TRY(judge({Defect::Kind::kMerged, file, {}, merged.digest, merged.size}, path, options_));
      totals_.bytes += verdict.bytes;
    }
    if (verdict.what.empty()) {
      if (!merged.directory) TRY(impl_.believe(file));
      continue;
    }
    const auto now = TRY(records::find_merged(impl_.db(), merged.key, merged.directory));
    const auto layer = TRY(records::find_layer(impl_.db(), merged.top));
    if (!now || now->digest != merged.digest || !layer) continue;
    found_({Defect::Kind::kMerged, file, layer->diff_id, {merged.top}, verdict.what});
  }
  return {};
}

Result<> LayerCheck::find_orphans() {
  std::vector<std::string> files, records;
  // Who removes layers drops the records first and is about to take the files away: it has a lease so long.
  for (auto left = kRemovalPatience; left > left.zero(); left -= kLookAgain) {
    {
      // Files and records become visible together, under this lock.
      const store::Transaction alone = TRY(impl_.db().begin());
      files = TRY(impl_.unowned());
      records = TRY(records::unused_files(impl_.db()));
    }
    if (files.empty() || !TRY(store::any_lease(impl_.store))) break;
    std::this_thread::sleep_for(kLookAgain);
  }
  for (std::string& name : files)
    found_({Defect::Kind::kOrphanFile, std::move(name), std::nullopt, {}, "no record owns it"});
  for (std::string& name : records)
    found_({Defect::Kind::kOrphanRecord, std::move(name), std::nullopt, {}, "it is recorded, but no layer needs it"});
  return {};
}

Result<CheckTotals> Layers::check(const CheckOptions& options, const std::function<void(Defect)>& found) {
  return LayerCheck(*impl_, options, found).run();
}

Result<> Layers::mend(const Defect& defect) {
  switch (defect.kind) {
    case Defect::Kind::kRecord:
      return {};
    case Defect::Kind::kTar: {
      store::Transaction change = TRY(impl_->db().begin());
      if (TRY(records::find_tar(impl_->db(), *defect.diff_id))) TRY(records::put_damaged(impl_->db(), defect.file));
      TRY(change.commit());
      const std::lock_guard lock(impl_->doubts_mutex);
      impl_->doubts.reset();
      return {};
    }
    case Defect::Kind::kOrphanFile:
    case Defect::Kind::kOrphanRecord: {
      store::Transaction change = TRY(impl_->db().begin());
      TRY(records::erase_unused(impl_->db()));
      TRY(change.commit());
      return impl_->delete_unowned();
    }
    case Defect::Kind::kMerged: {
      const std::size_t dot = defect.file.rfind('.');
      return impl_->forget_merged(defect.file.substr(0, dot), defect.file.substr(dot) == ".dir");
    }
    case Defect::Kind::kIndex:
    case Defect::Kind::kDirectory:
      break;
  }
  for (const oci::Digest& chain : defect.chain_ids) {
    const auto layer = TRY(records::find_layer(impl_->db(), chain));
    if (!layer) continue;
    if (defect.kind == Defect::Kind::kDirectory && TRY(form()) == Form::kIndex) {
      TRY(records::erase_directory(impl_->db(), layer->tree_key));
    } else {
      TRY(impl_->rebuild(*layer, defect.kind == Defect::Kind::kDirectory));
      TRY(impl_->mounts.drop({layer->tree_key}));
    }
    break;  // all of them share the tree
  }
  return {};
}

}  // namespace strata::layers
