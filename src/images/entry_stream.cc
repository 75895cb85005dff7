#include "images/entry_stream.h"

namespace strata::images {

EntryStream::EntryStream(layers::MergedTree tree) : tree_(std::move(tree)), walker_([this] { run(); }) {}

EntryStream::~EntryStream() {
  {
    const std::lock_guard lock(mutex_);
    unwanted_ = true;
  }
  changed_.notify_all();
  walker_.join();
}

bool EntryStream::hand_over(Batch& batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ready_.size() < kBatches || unwanted_; });
  if (unwanted_) return false;
  if (!batch.empty()) ready_.push_back(std::move(batch));
  batch.clear();
  changed_.notify_all();
  return true;
}

void EntryStream::run() {
  Batch batch;
  const Result<> walked = tree_.walk([&](const layers::TreeEntry& entry) -> Result<> {
    StreamedEntry& copy = batch.emplace_back(StreamedEntry{std::string(entry.path), entry, std::string(entry.link_of)});
    copy.entry.path = copy.entry.link_of = {};
    if (batch.size() == kBatch && !hand_over(batch))
      return Error(ErrorKind::kCancelled, "the walk is not wanted any more");
    return {};
  });
  hand_over(batch);
  const std::lock_guard lock(mutex_);
  ended_ = true;
  if (!walked) failure_ = walked.error();
  changed_.notify_all();
}

Result<const StreamedEntry*> EntryStream::front() {
  if (at_ >= current_.size()) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !ready_.empty() || ended_; });
    if (ready_.empty()) {
      if (failure_) return *failure_;
      return nullptr;
    }
    current_ = std::move(ready_.front());
    ready_.pop_front();
    at_ = 0;
    changed_.notify_all();
  }
  return &current_[at_];
}

}  // namespace strata::images
